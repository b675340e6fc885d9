import { compareUtf8 } from '../../core/text.ts';
import { DEAD_AT_MS, type DeliveryRow } from './delivery-row.ts';

/** A chunk with more rows is cut in two. */
const CHUNK_MAX = 256;

/**
 * Deliveries sorted by the time of the next attempt, and then by the bytes of the entity's id. They are kept in chunks,
 * so that a change moves few of them.
 */
export class DueIndex {
  readonly #chunks: DeliveryRow[][] = [];
  size = 0;
  /** The number of those that stand at the end because they are dead. */
  dead = 0;

  add(row: DeliveryRow): void {
    this.size++;
    if (row.nextAttemptAt === DEAD_AT_MS) this.dead++;
    const number = this.#chunkOf(row.nextAttemptAt, row.entityId);
    const chunk = this.#chunks[number];
    if (chunk === undefined) {
      this.#append(row);
      return;
    }
    chunk.splice(placeIn(chunk, row.nextAttemptAt, row.entityId), 0, row);
    if (chunk.length > CHUNK_MAX) this.#chunks.splice(number + 1, 0, chunk.splice(CHUNK_MAX / 2));
  }

  /** Adds a row that comes behind all others. */
  #append(row: DeliveryRow): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length >= CHUNK_MAX) this.#chunks.push([row]);
    else last.push(row);
  }

  remove(row: DeliveryRow): void {
    this.size--;
    if (row.nextAttemptAt === DEAD_AT_MS) this.dead--;
    const number = this.#chunkOf(row.nextAttemptAt, row.entityId);
    const chunk = this.#chunks[number];
    chunk?.splice(placeIn(chunk, row.nextAttemptAt, row.entityId), 1);
    if (chunk?.length === 0) this.#chunks.splice(number, 1);
  }

  get first(): DeliveryRow | undefined {
    return this.#chunks[0]?.[0];
  }

  /** Visits the rows from this place on, until `visit` answers false. */
  visit(nextAttemptAt: number, entityId: string, visit: (row: DeliveryRow) => boolean): void {
    let number = this.#chunkOf(nextAttemptAt, entityId);
    let chunk = this.#chunks[number];
    let place = chunk === undefined ? 0 : placeIn(chunk, nextAttemptAt, entityId);
    while (chunk !== undefined) {
      for (; place < chunk.length; place++) if (!visit(chunk[place] as DeliveryRow)) return;
      place = 0;
      chunk = this.#chunks[++number];
    }
  }

  /** At most `limit` rows from the beginning, or from the first dead one. */
  rows(limit: number, isFromDead = false): DeliveryRow[] {
    const found: DeliveryRow[] = [];
    if (limit > 0)
      this.visit(isFromDead ? DEAD_AT_MS : Number.NEGATIVE_INFINITY, '', (row) => found.push(row) < limit);
    return found;
  }

  /** The number of the first chunk whose last row does not come before this place. */
  #chunkOf(nextAttemptAt: number, entityId: string): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = chunks[middle] as DeliveryRow[];
      if (comesBefore(chunk[chunk.length - 1] as DeliveryRow, nextAttemptAt, entityId)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The index of the first row of the chunk that does not come before this place. */
function placeIn(chunk: readonly DeliveryRow[], nextAttemptAt: number, entityId: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(chunk[middle] as DeliveryRow, nextAttemptAt, entityId)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function comesBefore(row: DeliveryRow, nextAttemptAt: number, entityId: string): boolean {
  return (
    row.nextAttemptAt < nextAttemptAt ||
    (row.nextAttemptAt === nextAttemptAt && compareUtf8(row.entityId, entityId) < 0)
  );
}
