import type { RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { DefectError, messageOf } from '../../core/errors.ts';
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
  ClaimedDelivery,
  ClaimRequest,
  DeliveryClaimRequest,
  DeliverySettlement,
  IngestBatch,
  MigrationOptions,
  MigrationReport,
  QuarantinePage,
  ResumeDecision,
  Store,
} from '../../ports/store.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import type { SweepClaim, SweepResult } from '../../ports/sweeps.ts';
import { inTransaction, withConnection } from './connection.ts';
import { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
import { DeliveryClaims, DueDeliveries } from './deliveries.ts';
import { listDeliveries, readAttempts, readDelivery } from './delivery-queries.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import { Ingest } from './ingest.ts';
import { listJournaled } from './journal.ts';
import { MysqlLongJournals } from './long-journals.ts';
import type { MysqlStoreOptions } from './options.ts';
import { listParked } from './parked.ts';
import * as queries from './queries.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import * as jobs from './redrive-jobs.ts';
import { examine, incarnation, migrate, remakeView } from './schema.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { Settlements } from './settlements.ts';
import { ServerTime, type StoreTime } from './store-time.ts';
import { claimSweep, endSweep, readSweep } from './sweeps.ts';

/** Beside a record, in one packet: its key and headers, or the rest of a statement over many rows. */
const PACKET_MARGIN_BYTES = 1024 * 1024;

/** The store on MySQL 8, MariaDB 10.6 or later, and what speaks as they do. */
export class MysqlStore implements Store {
  readonly #options: MysqlStoreOptions;
  readonly #pool: ConnectionPool;
  readonly #time: StoreTime;
  #parts: { view: ViewShape; ingest: Ingest; claims: DeliveryClaims; settlements: Settlements } | undefined;
  #closing: Promise<void> | undefined;
  readonly longJournals: MysqlLongJournals;

  constructor(options: MysqlStoreOptions) {
    this.#options = options;
    const { address, tls, clock, connections = 8 } = options;
    this.#pool = new ConnectionPool({
      address,
      tls,
      clock,
      connections,
      remedies: {
        setting: 'DATABASE_URL',
        setUp: 'Run order-sync migrate.',
      },
      commitEvidence: 'the checkpoints',
    });
    this.#time = options.time ?? new ServerTime(options.clock);
    this.longJournals = new MysqlLongJournals(this.#pool);
  }

  get generation(): number {
    return this.#pool.generation;
  }

  async examineView(options: MigrationOptions) {
    return examine(this.#pool, options);
  }

  async migrate(options: MigrationOptions): Promise<MigrationReport> {
    const { targets, clock, log, maxRecordBytes = 1024 * 1024 } = this.#options;
    const report = await migrate(this.#pool, options, log, {
      connections: this.#pool.options.connections,
      preparedStatements: PREPARED_MAX,
      packetBytes: maxRecordBytes + PACKET_MARGIN_BYTES,
      packetSetting: 'ORDER_SYNC_MAX_RECORD_BYTES',
    });
    await this.#learnTime();
    this.#parts = {
      view: options.view,
      ingest: new Ingest(this.#pool, options.view, new DueDeliveries(targets, this.#time, options.view)),
      claims: new DeliveryClaims(this.#pool, options.view, this.#time),
      settlements: new Settlements(this.#pool, clock, this.#time),
    };
    return report;
  }

  /** So that what becomes due before the first claim has its place by the server's time too. */
  async #learnTime(): Promise<void> {
    const [[row]] = await withConnection(this.#pool, (connection) =>
      connection.query<RowDataPacket[]>(`SELECT ${this.#time.sql}`),
    );
    this.#time.heard(row?.[0]);
  }

  get #migrated() {
    if (this.#parts === undefined) throw new DefectError('The store is used before migrate().');
    return this.#parts;
  }

  async claim(partitions: readonly ClaimRequest[]) {
    return queries.claim(this.#pool, partitions);
  }

  async readJournals(entityIds: readonly string[], maxEvents?: number) {
    return this.#migrated.ingest.readJournals(entityIds, maxEvents);
  }

  async commit(batch: IngestBatch) {
    return this.#migrated.ingest.commit(batch);
  }

  async checkpoints() {
    return queries.checkpoints(this.#pool);
  }

  async incarnation() {
    return withConnection(this.#pool, incarnation);
  }

  async remakeView() {
    const { view } = this.#migrated;
    return withConnection(this.#pool, (connection) => remakeView(connection, view, this.#pool.remedies));
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string) {
    return queries.halt(this.#pool, partition, epoch, reason);
  }

  async resume(decision: ResumeDecision) {
    return queries.resume(this.#pool, decision);
  }

  async readView(entityIds: readonly string[]) {
    return queries.readView(this.#pool, this.#migrated.view, entityIds);
  }

  async readQuarantine(options: QuarantinePage) {
    return queries.readQuarantine(this.#pool, options);
  }

  async refusedCounts() {
    return queries.refusedCounts(this.#pool, this.#options.targets);
  }

  async counts() {
    return queries.counts(this.#pool, this.#migrated.view);
  }

  async health() {
    try {
      await withConnection(this.#pool, (connection) => connection.query('SELECT 1'));
      return { ok: true } as const;
    } catch (error) {
      return { ok: false, reason: messageOf(error) } as const;
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest) {
    return this.#migrated.claims.claim(request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]) {
    return this.#migrated.settlements.settle(settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]) {
    return this.#migrated.settlements.release(deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number) {
    return this.#migrated.settlements.renew(deliveries, leaseMs);
  }

  async readDelivery(target: string, entityId: string) {
    return withConnection(this.#pool, (connection) => readDelivery(connection, target, entityId));
  }

  async listDeliveries(page: { filter: DeliveryFilter; after: DeliveryKey | null; limit: number }) {
    const { filter, after, limit } = page;
    return withConnection(this.#pool, (connection) => listDeliveries(connection, filter, after, limit));
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    return withConnection(this.#pool, (connection) => readAttempts(connection, key, limit));
  }

  async createRedrive(job: NewRedriveJob) {
    return inTransaction(this.#pool, (connection) => jobs.createRedrive(connection, job));
  }

  async readRedrive(jobId: string) {
    return withConnection(this.#pool, (connection) => jobs.readRedrive(connection, jobId));
  }

  async listRedrives({ after, limit }: { after: RedriveKey | null; limit: number }) {
    return withConnection(this.#pool, (connection) => jobs.listRedrives(connection, after, limit));
  }

  async claimRedrive(claim: RedriveClaim) {
    // No job is the usual case, and needs no lock.
    const isAny = await withConnection(this.#pool, jobs.isAnyRedrive);
    if (!isAny) return null;
    return inTransaction(this.#pool, (connection) => jobs.claimRedrive(connection, claim, this.#time));
  }

  async stepRedrive(step: RedriveClaim & { jobId: string; limit: number }) {
    return inTransaction(this.#pool, (connection) => jobs.stepRedrive(connection, step, this.#time));
  }

  async restRedrive(rest: RedriveRest) {
    return withConnection(this.#pool, (connection) => jobs.restRedrive(connection, rest, this.#time));
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    const { view } = this.#migrated;
    return withConnection(this.#pool, (connection) => listOwed(connection, view, page));
  }

  async makeDueAgain(again: DueAgain) {
    return inTransaction(this.#pool, (connection) => makeDueAgain(connection, again, this.#time.now()));
  }

  async makeRepairsDue(repairs: RepairsDue) {
    const { view } = this.#migrated;
    return inTransaction(this.#pool, (connection) =>
      makeRepairsDue(connection, view, repairs, this.#time.now()),
    );
  }

  async noteSender(target: string, sender: string) {
    return inTransaction(this.#pool, (connection) =>
      noteSender(connection, target, sender, this.#time.now()),
    );
  }

  async readSenders(target: string) {
    return withConnection(this.#pool, (connection) => readSenders(connection, target));
  }

  async forgetSender(target: string, sender: string) {
    return withConnection(this.#pool, (connection) => forgetSender(connection, target, sender));
  }

  async readSweep(target: string) {
    return withConnection(this.#pool, (connection) => readSweep(connection, target, this.#time));
  }

  async claimSweep(claim: SweepClaim) {
    return inTransaction(this.#pool, (connection) => claimSweep(connection, claim, this.#time));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return withConnection(this.#pool, (connection) => endSweep(connection, end, this.#time));
  }

  async listParked(page: { after: string | null; limit: number }) {
    return withConnection(this.#pool, (connection) => listParked(connection, page));
  }

  async storeId() {
    return withConnection(this.#pool, readStoreId);
  }

  async noteGroupTaken(decision: GroupDecision) {
    return withConnection(this.#pool, (connection) => noteGroupTaken(connection, decision));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return withConnection(this.#pool, (connection) => listJournaled(connection, page));
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.close();
    return this.#closing;
  }
}
