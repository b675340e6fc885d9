import type { Decision, NewAuditEntry } from '../../ports/audit.ts';
import type { ResumeDecision } from '../../ports/checkpoints.ts';
import type { HoldPart } from '../../ports/holds.ts';
import type { JobClaim, JobClaimOfKind, JobKey, JobSave, NewJob } from '../../ports/jobs.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { KeySearch, QuarantineDiscard, QuarantinePage } from '../../ports/quarantine.ts';
import type { RedriveStep } from '../../ports/redrive-jobs.ts';
import type { StoreAdministration } from '../../ports/store.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import type { OverviewQuestion } from '../../ports/store-overview.ts';
import { addAudit, listAudit } from './audit.ts';
import { listResumed, readCheckpoints, resume } from './checkpoints.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { listDeliveries, pageDeliveries, readAttempts, readDelivery } from './delivery-queries.ts';
import { hold, listHolds, release } from './holds.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import * as jobs from './jobs.ts';
import { readOverview } from './overview.ts';
import { listParked, readParked } from './parked.ts';
import { discardQuarantined, findOpenByKey, readQuarantine } from './quarantine.ts';
import { stepRedrive } from './redrive-jobs.ts';
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

  async listResumed(limit: number) {
    return listResumed(this.pool, limit);
  }

  async findOpenByKey(search: KeySearch) {
    return withConnection(this.pool, (connection) => findOpenByKey(connection, search));
  }

  async readQuarantine(options: QuarantinePage) {
    return withConnection(this.pool, (connection) => readQuarantine(connection, options));
  }

  async discardQuarantined(discard: QuarantineDiscard) {
    return inTransaction(this.pool, (connection) => discardQuarantined(connection, discard));
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

  async createJob(job: NewJob) {
    return inTransaction(this.pool, (connection) => jobs.createJob(connection, job));
  }

  async readJob(jobId: string) {
    return withConnection(this.pool, (connection) => jobs.readJob(connection, jobId));
  }

  async listJobs(page: { after: JobKey | null; limit: number }) {
    return withConnection(this.pool, (connection) => jobs.listJobs(connection, page));
  }

  async claimJob(claim: JobClaimOfKind) {
    // Usually there is no job, and then no transaction is needed.
    const isAny = await withConnection(this.pool, (connection) => jobs.isAnyJob(connection, claim.kind));
    if (!isAny) return null;
    return inTransaction(this.pool, (connection) => jobs.claimJob(connection, claim, this.time));
  }

  async saveJob(save: JobSave) {
    return inTransaction(this.pool, (connection) => jobs.saveJob(connection, save, this.time));
  }

  async renewJob(renewal: JobClaim & { jobId: string }) {
    return inTransaction(this.pool, (connection) => jobs.renewJob(connection, renewal, this.time));
  }

  async restJob(rest: { claimant: string; jobId: string; restMs: number }) {
    return withConnection(this.pool, (connection) => jobs.restJob(connection, rest, this.time));
  }

  async cancelJob(cancel: Decision & { jobId: string }) {
    return inTransaction(this.pool, (connection) => jobs.cancelJob(connection, cancel, this.time));
  }

  async stepRedrive(step: RedriveStep) {
    return inTransaction(this.pool, (connection) => stepRedrive(connection, step, this.time));
  }

  async addAudit(entry: NewAuditEntry) {
    return withConnection(this.pool, (connection) => addAudit(connection, entry));
  }

  async listAudit(page: { after: bigint | null; limit: number }) {
    return withConnection(this.pool, (connection) => listAudit(connection, page));
  }

  async listParked(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listParked(connection, page));
  }

  async readOverview(question: OverviewQuestion) {
    return withConnection(this.pool, (connection) => readOverview(connection, question, this.time));
  }

  async readParked(entityId: string) {
    return withConnection(this.pool, (connection) => readParked(connection, entityId));
  }

  async listHolds() {
    return withConnection(this.pool, listHolds);
  }

  async hold(part: HoldPart, decision: Decision) {
    return inTransaction(this.pool, (connection) => hold(connection, part, decision));
  }

  async release(part: HoldPart, decision: Decision) {
    return inTransaction(this.pool, (connection) => release(connection, part, decision));
  }

  async storeId() {
    return withConnection(this.pool, readStoreId);
  }

  async noteGroupTaken(decision: GroupDecision) {
    return inTransaction(this.pool, (connection) => noteGroupTaken(connection, decision));
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
