import type { ResumeDecision } from '../../ports/checkpoints.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { QuarantinePage } from '../../ports/quarantine.ts';
import type { NewRedriveJob, RedriveClaim, RedriveKey, RedriveRest } from '../../ports/redrive-jobs.ts';
import type { StoreAdministration } from '../../ports/store.ts';
import type { OverviewQuestion } from '../../ports/store-overview.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import { readCheckpoints, resume } from './checkpoints.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { listDeliveries, pageDeliveries, readAttempts, readDelivery } from './delivery-queries.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import { readOverview } from './overview.ts';
import { listParked } from './parked.ts';
import { readQuarantine } from './quarantine.ts';
import * as jobs from './redrive-jobs.ts';
import type { StoreTime } from './store-time.ts';

/** The methods of `StoreAdministration`, which opened and migrated stores share. */
export class MysqlAdministration implements StoreAdministration {
  protected readonly pool: ConnectionPool;
  protected readonly time: StoreTime;

  constructor(pool: ConnectionPool, time: StoreTime) {
    this.pool = pool;
    this.time = time;
  }

  async checkpoints() {
    return readCheckpoints(this.pool);
  }

  async resume(decision: ResumeDecision) {
    return resume(this.pool, decision);
  }

  async readQuarantine(options: QuarantinePage) {
    return readQuarantine(this.pool, options);
  }

  async readDelivery(target: string, entityId: string) {
    return withConnection(this.pool, (connection) => readDelivery(connection, target, entityId));
  }

  async listDeliveries(page: { filter: DeliveryFilter; after: DeliveryKey | null; limit: number }) {
    const { filter, after, limit } = page;
    return withConnection(this.pool, (connection) => listDeliveries(connection, filter, after, limit));
  }

  async pageDeliveries(page: {
    filter: DeliveryFilter;
    after: DeliveryKey | null;
    limit: number;
    lookMax: number;
  }) {
    const { filter, after, limit, lookMax } = page;
    return withConnection(this.pool, (connection) =>
      pageDeliveries(connection, filter, after, limit, lookMax),
    );
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    return withConnection(this.pool, (connection) => readAttempts(connection, key, limit));
  }

  async createRedrive(job: NewRedriveJob) {
    return inTransaction(this.pool, (connection) => jobs.createRedrive(connection, job));
  }

  async readRedrive(jobId: string) {
    return withConnection(this.pool, (connection) => jobs.readRedrive(connection, jobId));
  }

  async listRedrives({ after, limit }: { after: RedriveKey | null; limit: number }) {
    return withConnection(this.pool, (connection) => jobs.listRedrives(connection, after, limit));
  }

  async claimRedrive(claim: RedriveClaim) {
    // Usually there is no job, and then no transaction is needed.
    const isAny = await withConnection(this.pool, jobs.isAnyRedrive);
    if (!isAny) return null;
    return inTransaction(this.pool, (connection) => jobs.claimRedrive(connection, claim, this.time));
  }

  async stepRedrive(step: RedriveClaim & { jobId: string; limit: number }) {
    return inTransaction(this.pool, (connection) => jobs.stepRedrive(connection, step, this.time));
  }

  async restRedrive(rest: RedriveRest) {
    return withConnection(this.pool, (connection) => jobs.restRedrive(connection, rest, this.time));
  }

  async listParked(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listParked(connection, page));
  }

  async readOverview(question: OverviewQuestion) {
    return withConnection(this.pool, (connection) => readOverview(connection, question, this.time));
  }

  async storeId() {
    return withConnection(this.pool, readStoreId);
  }

  async noteGroupTaken(decision: GroupDecision) {
    return withConnection(this.pool, (connection) => noteGroupTaken(connection, decision));
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
