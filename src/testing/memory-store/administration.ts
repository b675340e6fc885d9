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
import type { Connection } from './connection.ts';
import { hold, listHolds, release } from './holds.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import * as jobs from './jobs.ts';
import { listDeliveries, pageDeliveries, readAttempts, readDelivery } from './ledger.ts';
import { readOverview } from './overview.ts';
import { listParked, readParked } from './parked.ts';
import { discardQuarantined, findOpenByKey, readQuarantine } from './quarantine.ts';
import { stepRedrive } from './redrive-jobs.ts';

/** The methods of `StoreAdministration`, which opened and migrated stores share. */
export class MemoryAdministration implements StoreAdministration {
  protected readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async checkpoints() {
    return readCheckpoints(this.connection);
  }

  async resume(decision: ResumeDecision) {
    return resume(this.connection, decision);
  }

  async listResumed(limit: number) {
    return listResumed(this.connection, limit);
  }

  async findOpenByKey(search: KeySearch) {
    return findOpenByKey(this.connection, search);
  }

  async readQuarantine(options: QuarantinePage) {
    return readQuarantine(this.connection, options);
  }

  async discardQuarantined(discard: QuarantineDiscard) {
    return discardQuarantined(this.connection, discard);
  }

  async readDelivery(target: string, entityId: string) {
    return readDelivery(this.connection, target, entityId);
  }

  async listDeliveries(page: { filter: DeliveryFilter; after: DeliveryKey | null; limit: number }) {
    return listDeliveries(this.connection, page.filter, page.after, page.limit);
  }

  async pageDeliveries(page: {
    filter: DeliveryFilter;
    after: DeliveryKey | null;
    limit: number;
    lookMax: number;
  }) {
    return pageDeliveries(this.connection, page);
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    return readAttempts(this.connection, key, limit);
  }

  async createJob(job: NewJob) {
    return jobs.createJob(this.connection, job);
  }

  async readJob(jobId: string) {
    return jobs.readJob(this.connection, jobId);
  }

  async listJobs(page: { after: JobKey | null; limit: number }) {
    return jobs.listJobs(this.connection, page);
  }

  async claimJob(claim: JobClaimOfKind) {
    return jobs.claimJob(this.connection, claim);
  }

  async saveJob(save: JobSave) {
    return this.connection.transaction((transaction) => jobs.saveJob(transaction, save));
  }

  async renewJob(renewal: JobClaim & { jobId: string }) {
    return this.connection.transaction((transaction) => jobs.renewJob(transaction, renewal));
  }

  async restJob(rest: { claimant: string; jobId: string; restMs: number }) {
    return jobs.restJob(this.connection, rest);
  }

  async cancelJob(cancel: Decision & { jobId: string }) {
    return jobs.cancelJob(this.connection, cancel);
  }

  async stepRedrive(step: RedriveStep) {
    return stepRedrive(this.connection, step);
  }

  async addAudit(entry: NewAuditEntry) {
    return addAudit(this.connection, entry);
  }

  async listAudit(page: { after: bigint | null; limit: number }) {
    return listAudit(this.connection, page);
  }

  async listParked(page: { after: string | null; limit: number }) {
    return listParked(this.connection, page);
  }

  async readParked(entityId: string) {
    return readParked(this.connection, entityId);
  }

  async readOverview(question: OverviewQuestion) {
    return readOverview(this.connection, question);
  }

  async listHolds() {
    return listHolds(this.connection);
  }

  async hold(part: HoldPart, decision: Decision) {
    return hold(this.connection, part, decision);
  }

  async release(part: HoldPart, decision: Decision) {
    return release(this.connection, part, decision);
  }

  async storeId() {
    return readStoreId(this.connection);
  }

  async noteGroupTaken(decision: GroupDecision) {
    return noteGroupTaken(this.connection, decision);
  }

  async close() {
    this.connection.close();
  }
}
