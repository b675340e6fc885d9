import { DefectError, messageOf, TributaryError } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { DueAgain, RepairsDue } from '../../ports/reconciliation.ts';
import type {
  DeliveryFilter,
  DeliveryKey,
  NewRedriveJob,
  RedriveClaim,
  RedriveKey,
  RedriveRest,
} from '../../ports/redrive.ts';
import type {
  Checkpoint,
  ClaimedDelivery,
  ClaimRequest,
  CommitOutcome,
  DeliveryClaimRequest,
  DeliverySettlement,
  IngestBatch,
  JournaledEvent,
  MigrationOptions,
  MigrationReport,
  QuarantinedRecord,
  QuarantinePage,
  RefusedCounts,
  ResumeDecision,
  Store,
  StoreCounts,
  StoredRow,
} from '../../ports/store.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import type { SweepClaim, SweepResult } from '../../ports/sweeps.ts';
import { claim, halt, readCheckpoints, resume } from './checkpoints.ts';
import { Connection, Database, numberOf, openReadOnly } from './connection.ts';
import { claimDeliveries } from './deliveries.ts';
import { listDeliveries, readAttempts, readDelivery } from './delivery-queries.ts';
import { toStoreError } from './errors.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import { commit, type IngestContext, readJournalsOf } from './ingest.ts';
import { listJournaled } from './journal.ts';
import { SqliteLongJournals } from './long-journals.ts';
import type { SqliteStoreOptions } from './options.ts';
import { listParked } from './parked.ts';
import { readQuarantine, refusedCounts } from './quarantine.ts';
import { counts, readView } from './queries.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import * as jobs from './redrive-jobs.ts';
import { incarnation, lookAt, migrate, remakeView } from './schema.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { releaseDeliveries, renewDeliveries, settleDeliveries } from './settlements.ts';
import { MachineTime, type StoreTime } from './store-time.ts';
import { claimSweep, endSweep, noteTarget, readSweep } from './sweeps.ts';
import { ViewTable } from './view-table.ts';

/**
 * The store in one SQLite file. What works before `migrate`, on a file that was set up earlier, leaves the schema
 * alone, so that an operator's command never changes the schema under a program that runs.
 */
export class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  readonly #database: Database;
  readonly #time: StoreTime;
  #migrated: IngestContext | null = null;
  readonly longJournals = new SqliteLongJournals(() => this.#ready().database);

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#database = new Database(options.file, options.clock, options.whoHolds);
    this.#time = options.time ?? new MachineTime(options.clock);
  }

  get generation(): number {
    return this.#database.generation;
  }

  /** On a connection of its own that only reads: a file that is no store of ours stays as it is to the byte. */
  async examineView(options: MigrationOptions) {
    const { file } = this.#options;
    const connection = openReadOnly(file) ?? new Connection(':memory:', false);
    try {
      return (await lookAt(connection, new ViewTable(options.view), options)).report;
    } catch (error) {
      throw toStoreError(error, file);
    } finally {
      connection.close();
    }
  }

  async migrate(options: MigrationOptions): Promise<MigrationReport> {
    await this.#database.open();
    const view = new ViewTable(options.view);
    const report = await migrate(this.#database, view, options);
    await this.#database.write((writer) => this.#time.fix(writer));
    const { clock, targets } = this.#options;
    this.#migrated = { database: this.#database, view, clock, targets };
    return report;
  }

  async claim(partitions: readonly ClaimRequest[]): Promise<Checkpoint[]> {
    return this.#ready().database.write((writer) => claim(writer, partitions));
  }

  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return readJournalsOf(this.#ready().database, entityIds, maxEvents);
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    return commit(this.#ready(), batch);
  }

  async checkpoints(): Promise<Checkpoint[]> {
    const database = await this.#setUp();
    return database.read(readCheckpoints);
  }

  /** A backup takes the place of the whole file; `generation` tells of that. */
  async incarnation(): Promise<string> {
    return this.#ready().database.read(incarnation);
  }

  async remakeView(): Promise<boolean> {
    const { database, view } = this.#ready();
    return database.write((writer) => remakeView(writer, view));
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void> {
    return this.#ready().database.write((writer) => halt(writer, partition, epoch, reason));
  }

  async resume(decision: ResumeDecision): Promise<void> {
    const database = await this.#setUp();
    return database.write((writer) => resume(writer, decision));
  }

  async readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>> {
    const { database, view } = this.#ready();
    return readView(database, view, entityIds);
  }

  async readQuarantine(options: QuarantinePage): Promise<QuarantinedRecord[]> {
    const database = await this.#setUp();
    return database.read((reader) => readQuarantine(reader, options));
  }

  async refusedCounts(): Promise<RefusedCounts> {
    const database = await this.#setUp();
    return database.read((reader) => refusedCounts(reader, this.#options.targets));
  }

  async counts(): Promise<StoreCounts> {
    const { database, view } = this.#ready();
    return counts(database, view);
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    try {
      const { database } = this.#ready();
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
    const { database, view } = this.#ready();
    return claimDeliveries(database, view, this.#time, request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void> {
    const { database, clock } = this.#ready();
    return settleDeliveries(database, clock, this.#time, settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    return releaseDeliveries(this.#ready().database, this.#time, deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    return renewDeliveries(this.#ready().database, this.#time, deliveries, leaseMs);
  }

  async readDelivery(target: string, entityId: string) {
    const database = await this.#setUp();
    return database.read((reader) => readDelivery(reader, this.#time, target, entityId));
  }

  async listDeliveries(page: { filter: DeliveryFilter; after: DeliveryKey | null; limit: number }) {
    const database = await this.#setUp();
    return database.read((reader) => listDeliveries(reader, this.#time, page.filter, page.after, page.limit));
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    const database = await this.#setUp();
    return database.read((reader) => readAttempts(reader, key, limit));
  }

  async createRedrive(job: NewRedriveJob) {
    const database = await this.#setUp();
    return database.write((writer) => jobs.createRedrive(writer, job));
  }

  async readRedrive(jobId: string) {
    const database = await this.#setUp();
    return database.read((reader) => jobs.readRedrive(reader, jobId));
  }

  async listRedrives(page: { after: RedriveKey | null; limit: number }) {
    const database = await this.#setUp();
    return database.read((reader) => jobs.listRedrives(reader, page.after, page.limit));
  }

  async claimRedrive(claim: RedriveClaim) {
    const database = await this.#setUp();
    // No job is the usual case, and needs no write lock.
    const isAny = await database.read(jobs.isAnyRedrive);
    return isAny ? database.write((writer) => jobs.claimRedrive(writer, this.#time, claim)) : null;
  }

  async stepRedrive(step: RedriveClaim & { jobId: string; limit: number }) {
    const database = await this.#setUp();
    return database.write((writer) => jobs.stepRedrive(writer, this.#time, step));
  }

  async restRedrive(rest: RedriveRest) {
    const database = await this.#setUp();
    return database.write((writer) => jobs.restRedrive(writer, this.#time, rest));
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    const { database, view } = this.#ready();
    return database.read((reader) => listOwed(reader, view, page));
  }

  async makeDueAgain(again: DueAgain) {
    return this.#ready().database.write((writer) => makeDueAgain(writer, again, this.#time.now(writer)));
  }

  async makeRepairsDue(repairs: RepairsDue) {
    const { database, view } = this.#ready();
    return database.write((writer) => makeRepairsDue(writer, view, repairs, this.#time.now(writer)));
  }

  async noteSender(target: string, sender: string) {
    return this.#ready().database.write((writer) =>
      noteSender(writer, target, sender, this.#time.now(writer)),
    );
  }

  async readSenders(target: string) {
    return this.#ready().database.read((reader) => readSenders(reader, target));
  }

  async forgetSender(target: string, sender: string) {
    return this.#ready().database.write((writer) => forgetSender(writer, target, sender));
  }

  async readSweep(target: string) {
    const { database } = this.#ready();
    // A known target is the usual case, and needs no write lock.
    const known = await database.read((reader) => readSweep(reader, this.#time, target));
    return known ?? (await database.write((writer) => noteTarget(writer, this.#time, target)));
  }

  async claimSweep(claim: SweepClaim) {
    return this.#ready().database.write((writer) => claimSweep(writer, this.#time, claim));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return this.#ready().database.write((writer) => endSweep(writer, this.#time, end));
  }

  async listParked(page: { after: string | null; limit: number }) {
    const database = await this.#setUp();
    return database.read((reader) => listParked(reader, page));
  }

  async storeId() {
    const database = await this.#setUp();
    return database.read(readStoreId);
  }

  async noteGroupTaken(decision: GroupDecision) {
    const database = await this.#setUp();
    return database.write((writer) => noteGroupTaken(writer, decision));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return this.#ready().database.read((reader) => listJournaled(reader, page));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #setUp(): Promise<Database> {
    if (this.#migrated !== null) return this.#database;
    await this.#database.open();
    const tables = await this.#database.read((reader) =>
      reader.statement("SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'").get(),
    );
    if (numberOf(tables?.found) === 1) return this.#database;
    throw new TributaryError(
      'store_refused',
      `The store ${this.#options.file} has not been set up yet: start order-sync on it once.`,
    );
  }

  #ready(): IngestContext {
    if (this.#migrated !== null) return this.#migrated;
    throw new DefectError('The store is used before migrate().');
  }
}
