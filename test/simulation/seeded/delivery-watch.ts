import type { Delivery } from '../../../src/ports/delivery-target.ts';
import type { Books } from './books.ts';
import type { History } from './history.ts';
import type { StoreTables } from './tables.ts';
import type { TargetWatcher } from './target.ts';

/** Watches what reaches the target: every request has to carry what the books say, and nothing may come once more. */
export class DeliveryWatch implements TargetWatcher {
  readonly violations: string[] = [];
  readonly #books: Books;
  readonly #tables: StoreTables;
  readonly #target: string;
  readonly #bodies = new Map<string, string>();
  /** Whether a state may come although the ledger says that it was sent: a sender may have slept over its claim. */
  readonly #mayComeAgain: boolean;
  /** Orders whose rows somebody altered by hand. Until such a row is mended, its altered state may be sent. */
  readonly everAltered = new Set<string>();
  requests = 0;

  constructor({ acts, shape }: History, books: Books, tables: StoreTables, target: string) {
    this.#books = books;
    this.#tables = tables;
    this.#target = target;
    this.#mayComeAgain =
      shape.isSwept ||
      acts.some(({ kind }) => kind === 'freeze' || kind === 'store' || kind === 'store_back');
  }

  received({ deliveryId, entityId, version, body }: Delivery): void {
    this.requests++;
    if (this.#books.wentBack || this.everAltered.has(entityId)) return;
    const text = JSON.stringify(body);
    const before = this.#bodies.get(deliveryId) ?? text;
    this.#bodies.set(deliveryId, text);
    this.#expect(before === text, `I10: ${deliveryId} came with two bodies: ${before} and ${text}`);
    const row = this.#books.dueRow(entityId, version);
    const [, ...sent] = Object.values(body);
    const found = JSON.stringify(sent);
    const expected = JSON.stringify([...(row ?? []), version]);
    this.#expect(found === expected, `I4, I8: ${deliveryId} carries ${found}, expected ${expected}`);
    const entry = this.#tables.ledger(this.#target, entityId);
    const isSent = entry?.deliveredVersion !== null && (entry?.deliveredVersion ?? 0) >= version;
    this.#expect(
      this.#mayComeAgain || !isSent,
      `I10: ${deliveryId} was sent again after the ledger had it as delivered`,
    );
  }

  #expect(isSo: boolean, violation: string): void {
    if (!isSo) this.violations.push(violation);
  }
}
