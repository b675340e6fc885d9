import { messageOf } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { DueAgain, RepairsDue } from '../../ports/reconciliation.ts';
import type {
  Checkpoint,
  ClaimedDelivery,
  ClaimRequest,
  CommitOutcome,
  DeliveryClaimRequest,
  DeliverySettlement,
  IngestBatch,
  JournaledEvent,
  RefusedCounts,
  Store,
  StoreCounts,
  StoredRow,
} from '../../ports/store.ts';
import type { SweepClaim, SweepResult } from '../../ports/sweeps.ts';
import { SqliteAdministration } from './administration.ts';
import { claim, halt, readCheckpoints } from './checkpoints.ts';
import type { Database } from './database.ts';
import { claimDeliveries } from './deliveries.ts';
import { commit, type IngestContext, readJournalsOf } from './ingest.ts';
import { listJournaled } from './journal.ts';
import { SqliteLongJournals } from './long-journals.ts';
import { refusedCounts } from './quarantine.ts';
import { counts, readView } from './queries.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import { incarnation, remakeView } from './schema.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { releaseDeliveries, renewDeliveries, settleDeliveries } from './settlements.ts';
import type { StoreTime } from './store-time.ts';
import { claimSweep, endSweep, noteTarget, readSweep } from './sweeps.ts';

/** The migrated store. */
export class SqliteStore extends SqliteAdministration implements Store {
  readonly #context: IngestContext;
  readonly longJournals: SqliteLongJournals;

  constructor(context: IngestContext, time: StoreTime) {
    super(time);
    this.#context = context;
    this.longJournals = new SqliteLongJournals(context.database);
  }

  get generation(): number {
    return this.#context.database.generation;
  }

  async claim(partitions: readonly ClaimRequest[]): Promise<Checkpoint[]> {
    return this.#context.database.write((writer) => claim(writer, partitions));
  }

  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return readJournalsOf(this.#context.database, entityIds, maxEvents);
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    return commit(this.#context, batch);
  }

  /** A backup takes the place of the whole file; `generation` tells of that. */
  async incarnation(): Promise<string> {
    return this.#context.database.read(incarnation);
  }

  async remakeView(): Promise<boolean> {
    const { database, view } = this.#context;
    return database.write((writer) => remakeView(writer, view));
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void> {
    return this.#context.database.write((writer) => halt(writer, partition, epoch, reason));
  }

  async readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>> {
    const { database, view } = this.#context;
    return readView(database, view, entityIds);
  }

  async refusedCounts(): Promise<RefusedCounts> {
    const { database, targets } = this.#context;
    return database.read((reader) => refusedCounts(reader, targets));
  }

  async counts(): Promise<StoreCounts> {
    const { database, view } = this.#context;
    return counts(database, view);
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    try {
      const { database } = this.#context;
      await database.read(readCheckpoints);
      const heldBy = await database.heldBy();
      if (heldBy !== null) return { ok: false, reason: heldBy };
      const { failure } = database;
      return failure === null ? { ok: true } : { ok: false, reason: failure.message };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    const { database, view } = this.#context;
    return claimDeliveries(database, view, this.time, request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void> {
    const { database, clock } = this.#context;
    return settleDeliveries(database, clock, this.time, settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    return releaseDeliveries(this.#context.database, this.time, deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    return renewDeliveries(this.#context.database, this.time, deliveries, leaseMs);
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    const { database, view } = this.#context;
    return database.read((reader) => listOwed(reader, view, page));
  }

  async makeDueAgain(again: DueAgain) {
    return this.#context.database.write((writer) => makeDueAgain(writer, again, this.time.now(writer)));
  }

  async makeRepairsDue(repairs: RepairsDue) {
    const { database, view } = this.#context;
    return database.write((writer) => makeRepairsDue(writer, view, repairs, this.time.now(writer)));
  }

  async noteSender(target: string, sender: string) {
    return this.#context.database.write((writer) =>
      noteSender(writer, target, sender, this.time.now(writer)),
    );
  }

  async readSenders(target: string) {
    return this.#context.database.read((reader) => readSenders(reader, target));
  }

  async forgetSender(target: string, sender: string) {
    return this.#context.database.write((writer) => forgetSender(writer, target, sender));
  }

  async readSweep(target: string) {
    const { database } = this.#context;
    // A known target is the usual case, and needs no write lock.
    const known = await database.read((reader) => readSweep(reader, this.time, target));
    return known ?? (await database.write((writer) => noteTarget(writer, this.time, target)));
  }

  async claimSweep(claim: SweepClaim) {
    return this.#context.database.write((writer) => claimSweep(writer, this.time, claim));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return this.#context.database.write((writer) => endSweep(writer, this.time, end));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return this.#context.database.read((reader) => listJournaled(reader, page));
  }

  close(): Promise<void> {
    return this.#context.database.close();
  }

  protected override async database(): Promise<Database> {
    return this.#context.database;
  }
}
