import type { ViewRow } from '../../src/core/domain.ts';
import { partitionName, type TopicPartition } from '../../src/core/offset.ts';
import { compareUtf8 } from '../../src/core/text.ts';
import type { Checkpoint, ResumeDecision } from '../../src/ports/checkpoints.ts';
import type { CheckpointMove, IngestBatch } from '../../src/ports/commit.ts';
import type { LogRecord } from '../../src/ports/event-log.ts';
import type { QuarantineKey } from '../../src/ports/quarantine.ts';
import type { Store } from '../../src/ports/store.ts';
import type { SimulatedLog } from './simulated-log.ts';
import { type Meaning, rowOf, type StockEntry } from './workload.ts';

/** All that the books say of one article. */
interface Article {
  /** By its body: the journal holds each once. */
  readonly entries: ReadonlyMap<string, StockEntry>;
  readonly row: ViewRow;
  /** The version that is due to the target; null if none ever was. */
  readonly dueVersion: number | null;
}

interface CheckpointEntry {
  offset: bigint;
  epoch: bigint;
  isHalted: boolean;
}

interface Books {
  readonly checkpoints: Map<string, CheckpointEntry>;
  readonly articles: Map<string, Article>;
  /** Records of the log below the checkpoints that nobody can read, as `partition@offset`. */
  readonly quarantined: Set<string>;
  journaled: number;
}

const READY_LEVEL = 10;
const DELIVERIES_COMPARED_MAX = 300;

/**
 * Keeps books of what has to stand in the store, from the log and the commits alone, and compares the store with them
 * after every commit. It shares no code with the pipeline.
 */
export class IngestChecker {
  readonly violations: string[] = [];
  readonly #store: Store;
  readonly #log: SimulatedLog;
  readonly #target: string;
  readonly #meanings = new Map<Uint8Array, Meaning>();
  #books: Books = { checkpoints: new Map(), articles: new Map(), quarantined: new Set(), journaled: 0 };
  commits = 0;

  constructor(store: Store, log: SimulatedLog, target: string) {
    this.#store = store;
    this.#log = log;
    this.#target = target;
  }

  /** Says what the record with this value means, before it is appended. */
  learn(value: Uint8Array | null, meaning: Meaning): void {
    if (value !== null) this.#meanings.set(value, meaning);
  }

  /** Where the checkpoint of a partition stands by the books; undefined before it is acquired first. */
  checkpointOf(partition: TopicPartition): bigint | undefined {
    return this.#books.checkpoints.get(partitionName(partition))?.offset;
  }

  get journaled(): number {
    return this.#books.journaled;
  }

  snapshot(): Books {
    const { checkpoints, articles, quarantined, journaled } = this.#books;
    return {
      checkpoints: new Map([...checkpoints].map(([name, each]) => [name, { ...each }])),
      articles: new Map(articles),
      quarantined: new Set(quarantined),
      journaled,
    };
  }

  restore(books: Books): void {
    this.#books = books;
  }

  afterAcquire(checkpoints: readonly Checkpoint[]): void {
    for (const checkpoint of checkpoints) {
      const name = partitionName(checkpoint);
      const before = this.#books.checkpoints.get(name);
      if (before !== undefined) {
        this.#expect(before.offset === checkpoint.nextOffset, `I6: acquiring moved ${name}`);
        this.#expect(before.epoch < checkpoint.epoch, `I7: acquiring did not raise the epoch of ${name}`);
      }
      this.#books.checkpoints.set(name, {
        offset: checkpoint.nextOffset,
        epoch: checkpoint.epoch,
        isHalted: before?.isHalted ?? false,
      });
    }
  }

  afterResume({ topic, partition, offset }: ResumeDecision): void {
    const checkpoint = this.#books.checkpoints.get(partitionName({ topic, partition }));
    if (checkpoint === undefined) return;
    checkpoint.offset = offset;
    checkpoint.epoch++;
    checkpoint.isHalted = false;
  }

  /** Only the present owner halts a partition; what an earlier one says changes nothing. */
  afterHalt(partition: TopicPartition, epoch: bigint): void {
    const checkpoint = this.#books.checkpoints.get(partitionName(partition));
    if (checkpoint?.epoch === epoch) checkpoint.isHalted = true;
  }

  /** To be called as soon as the store has answered, before anything else is asked of it. */
  async afterCommit(batch: IngestBatch, isCommitted: boolean): Promise<void> {
    const touched = new Set(batch.entityIds);
    if (isCommitted) {
      this.commits++;
      for (const articleId of this.#enter(batch.moves)) touched.add(articleId);
    }
    await this.#compareTotals();
    await this.#compareArticles([...touched].sort(compareUtf8));
  }

  /** Compares everything, and says what is wrong. */
  async compareAll(): Promise<void> {
    await this.#compareTotals();
    await this.#compareArticles([...this.#books.articles.keys()]);
    const found = new Set<string>();
    for (let after: QuarantineKey | null = null; ; ) {
      const page = await this.#store.readQuarantine({ after, limit: 500 });
      for (const record of page) found.add(`${partitionName(record)}@${record.offset}`);
      after = page.at(-1) ?? null;
      if (after === null) break;
    }
    this.#expectSame('I1: the quarantine', [...found].sort(), [...this.#books.quarantined].sort());
  }

  /** Enters what the moves pass by; gives the articles concerned. */
  #enter(moves: readonly CheckpointMove[]): Set<string> {
    const incoming = new Map<string, Map<string, StockEntry>>();
    for (const move of moves) {
      const name = partitionName(move);
      const checkpoint = this.#books.checkpoints.get(name);
      this.#expect(
        checkpoint?.offset === move.fromOffset && move.toOffset >= move.fromOffset,
        `I6: ${name} stood at ${checkpoint?.offset} and was moved from ${move.fromOffset} to ${move.toOffset}`,
      );
      this.#expect(checkpoint?.epoch === move.epoch, `I7: an owner of epoch ${move.epoch} moved ${name}`);
      const partition = this.#log.partition(move);
      this.#expect(move.toOffset <= partition.endOffset, `I6: ${name} was moved past the end of the log`);
      this.#expect(checkpoint?.isHalted === false, `${name} was moved, though it is halted`);
      this.#books.checkpoints.set(name, { offset: move.toOffset, epoch: move.epoch, isHalted: false });
      for (const record of partition.between(move.fromOffset, move.toOffset)) {
        const meaning = this.#meaningOf(record);
        if (meaning.kind === 'broken') this.#books.quarantined.add(`${name}@${record.offset}`);
        else {
          const entries = incoming.get(meaning.articleId) ?? new Map<string, StockEntry>();
          incoming.set(meaning.articleId, entries.set(meaning.body, meaning.entry));
        }
      }
    }
    for (const [articleId, entries] of incoming) this.#change(articleId, entries);
    return new Set(incoming.keys());
  }

  #change(articleId: string, incoming: ReadonlyMap<string, StockEntry>): void {
    const before = this.#books.articles.get(articleId);
    const entries = new Map([...(before?.entries ?? []), ...incoming]);
    if (entries.size === before?.entries.size) return;
    const row = rowOf(entries.values());
    const hasChanged = before === undefined || String(before.row) !== String(row);
    const wasDue = before?.dueVersion ?? null;
    const isDue = hasChanged && (wasDue !== null || (row[0] as number) <= READY_LEVEL);
    this.#books.journaled += entries.size - (before?.entries.size ?? 0);
    this.#books.articles.set(articleId, { entries, row, dueVersion: isDue ? entries.size : wasDue });
  }

  #meaningOf(record: LogRecord): Meaning {
    const meaning = record.value === null ? undefined : this.#meanings.get(record.value);
    return meaning ?? { kind: 'broken' };
  }

  async #compareTotals(): Promise<void> {
    const { journaledEvents, viewRows, quarantined } = await this.#store.counts();
    const { articles, checkpoints } = this.#books;
    this.#expectSame(
      'I1, I2: journal, view and quarantine',
      { journaledEvents, viewRows, quarantined },
      {
        journaledEvents: this.#books.journaled,
        viewRows: articles.size,
        quarantined: this.#books.quarantined.size,
      },
    );
    const found = (await this.#store.checkpoints()).map((each) => [
      partitionName(each),
      `offset ${each.nextOffset}, epoch ${each.epoch}, ${each.haltReason === null ? 'open' : 'halted'}`,
    ]);
    const expected = [...checkpoints].map(([name, { offset, epoch, isHalted }]) => [
      name,
      `offset ${offset}, epoch ${epoch}, ${isHalted ? 'halted' : 'open'}`,
    ]);
    this.#expectSame('I6: the checkpoints', found.sort(), expected.sort());
  }

  async #compareArticles(articleIds: readonly string[]): Promise<void> {
    const rows = await this.#store.readView(articleIds);
    const journals = await this.#store.readJournals(articleIds);
    for (const articleId of articleIds) {
      const article = this.#books.articles.get(articleId);
      const row = article && { row: article.row, version: article.entries.size };
      this.#expectSame(`I4: the row of ${articleId}`, rows.get(articleId), row);
      const bodies = (journals.get(articleId) ?? []).map(({ data }) => data);
      const entries = [...(article?.entries ?? [])].sort(([, left], [, right]) => left.minute - right.minute);
      this.#expectSame(
        `I1, I2: the journal of ${articleId}`,
        bodies,
        entries.map(([body]) => body),
      );
    }
    // Read one by one: of a large batch, some are enough.
    const step = Math.ceil(articleIds.length / DELIVERIES_COMPARED_MAX);
    for (let index = 0; index < articleIds.length; index += step) {
      const articleId = articleIds[index] as string;
      const article = this.#books.articles.get(articleId);
      const delivery = await this.#store.readDelivery(this.#target, articleId);
      this.#expectSame(
        `I8: what is due of ${articleId}`,
        delivery?.dueVersion ?? null,
        article?.dueVersion ?? null,
      );
    }
  }

  #expectSame(what: string, found: unknown, expected: unknown): void {
    const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
    this.#expect(left === right, `${what}: found ${shortened(left)}, expected ${shortened(right)}`);
  }

  #expect(isSo: boolean, violation: string): void {
    if (!isSo) this.violations.push(violation);
  }
}

function shortened(text: string | undefined): string {
  return text === undefined || text.length <= 400 ? String(text) : `${text.slice(0, 400)}...`;
}
