import type { ViewShape } from '../../core/adoption/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { AcquireRequest } from '../../ports/checkpoints.ts';
import type { IngestBatch } from '../../ports/commit.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
} from '../../ports/delivery-claims.ts';
import type { ArrivalsRange } from '../../ports/journal.ts';
import type { DueAgain, RepairsDue } from '../../ports/reconciliation.ts';
import type { Store } from '../../ports/store.ts';
import type { SweepClaim, SweepResult } from '../../ports/sweeps.ts';
import type { LedgerMend } from '../../ports/verification.ts';
import type { UndeliveredPage, ViewPage } from '../../ports/view-rows.ts';
import { MysqlAdministration } from './administration.ts';
import { readArrivals, readLastArrivals } from './arrivals.ts';
import { acquire, halt } from './checkpoints.ts';
import { Committer } from './commit.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DeliveryClaims } from './delivery-claims.ts';
import { DueDeliveries } from './due-deliveries.ts';
import { listJournaled } from './journal.ts';
import { MysqlLongJournals } from './long-journals.ts';
import type { MysqlStoreOptions } from './options.ts';
import { refusedCounts } from './quarantine.ts';
import { counts, readView } from './queries.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import { incarnation, remakeView } from './schema.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { Settlements } from './settlements.ts';
import type { StoreTime } from './store-time.ts';
import { claimSweep, endSweep, readSweep } from './sweeps.ts';
import {
  listEntities,
  mendLedger,
  readAsArrived,
  readEntities,
  removeUnjournaledRows,
} from './verification.ts';
import { listUndelivered, listView } from './view-listing.ts';

/** A migrated store: the methods that need the current schema or the view. */
export class MysqlStore extends MysqlAdministration implements Store {
  readonly #view: ViewShape;
  readonly #targets: readonly string[];
  readonly #committer: Committer;
  readonly #claims: DeliveryClaims;
  readonly #settlements: Settlements;
  readonly longJournals: MysqlLongJournals;

  constructor(
    pool: ConnectionPool,
    time: StoreTime,
    view: ViewShape,
    { targets, clock }: Pick<MysqlStoreOptions, 'targets' | 'clock'>,
  ) {
    super(pool, time);
    this.#view = view;
    this.#targets = targets;
    this.#committer = new Committer(pool, view, new DueDeliveries(targets, time, view), time);
    this.#claims = new DeliveryClaims(pool, view, time);
    this.#settlements = new Settlements(pool, clock, time);
    this.longJournals = new MysqlLongJournals(pool);
  }

  get generation(): number {
    return this.pool.generation;
  }

  async acquire(partitions: readonly AcquireRequest[]) {
    return acquire(this.pool, partitions);
  }

  async readJournals(entityIds: readonly string[], maxEvents?: number) {
    return this.#committer.readJournals(entityIds, maxEvents);
  }

  async commit(batch: IngestBatch) {
    return this.#committer.commit(batch);
  }

  async incarnation() {
    return withConnection(this.pool, incarnation);
  }

  async remakeView() {
    return withConnection(this.pool, (connection) => remakeView(connection, this.#view, this.pool.remedies));
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string) {
    return halt(this.pool, partition, epoch, reason);
  }

  async readView(entityIds: readonly string[]) {
    return readView(this.pool, this.#view, entityIds);
  }

  async listView(page: ViewPage) {
    return withConnection(this.pool, (connection) => listView(connection, this.#view, page));
  }

  async listUndelivered(page: UndeliveredPage) {
    return withConnection(this.pool, (connection) => listUndelivered(connection, page));
  }

  async readArrivals(range: ArrivalsRange) {
    return withConnection(this.pool, (connection) => readArrivals(connection, range));
  }

  async readLastArrivals(entityIds: readonly string[]) {
    return withConnection(this.pool, (connection) => readLastArrivals(connection, entityIds));
  }

  async refusedCounts() {
    return refusedCounts(this.pool, this.#targets);
  }

  async counts() {
    return counts(this.pool, this.#view);
  }

  async health() {
    try {
      await withConnection(this.pool, (connection) => connection.query('SELECT 1'));
      return { ok: true } as const;
    } catch (error) {
      return { ok: false, reason: messageOf(error) } as const;
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest) {
    return this.#claims.claim(request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]) {
    return this.#settlements.settle(settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]) {
    return this.#settlements.release(deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number) {
    return this.#settlements.renew(deliveries, leaseMs);
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listOwed(connection, this.#view, page));
  }

  async makeDueAgain(again: DueAgain) {
    return inTransaction(this.pool, (connection) => makeDueAgain(connection, again, this.time.now()));
  }

  async makeRepairsDue(repairs: RepairsDue) {
    return inTransaction(this.pool, (connection) =>
      makeRepairsDue(connection, this.#view, repairs, this.time.now()),
    );
  }

  async noteSender(target: string, sender: string) {
    return inTransaction(this.pool, (connection) => noteSender(connection, target, sender, this.time.now()));
  }

  async readSenders(target: string) {
    return withConnection(this.pool, (connection) => readSenders(connection, target));
  }

  async forgetSender(target: string, sender: string) {
    return withConnection(this.pool, (connection) => forgetSender(connection, target, sender));
  }

  async readSweep(target: string) {
    return withConnection(this.pool, (connection) => readSweep(connection, target, this.time));
  }

  async claimSweep(claim: SweepClaim) {
    return inTransaction(this.pool, (connection) => claimSweep(connection, claim, this.time));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return withConnection(this.pool, (connection) => endSweep(connection, end, this.time));
  }

  async listEntities(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) =>
      listEntities(connection, this.#view, this.#targets, page),
    );
  }

  async readEntities(entityIds: readonly string[], maxEvents: number) {
    return readEntities(this.pool, this.#view, this.#targets, this.time, entityIds, maxEvents);
  }

  async readAsArrived(entityIds: readonly string[]) {
    return readAsArrived(this.pool, entityIds);
  }

  async mendLedger(mends: readonly LedgerMend[]) {
    return inTransaction(this.pool, (connection) =>
      mendLedger(connection, this.#view, mends, this.time.now()),
    );
  }

  async removeUnjournaledRows(entityIds: readonly string[]) {
    return inTransaction(this.pool, (connection) => removeUnjournaledRows(connection, this.#view, entityIds));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listJournaled(connection, page));
  }
}
