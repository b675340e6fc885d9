import type { Decision, NewAuditEntry } from '../../ports/audit.ts';
import type { Checkpoint, ResumeDecision } from '../../ports/checkpoints.ts';
import type { HoldPart } from '../../ports/holds.ts';
import type { JobClaim, JobClaimOfKind, JobKey, JobSave, NewJob } from '../../ports/jobs.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type {
  KeySearch,
  QuarantineDiscard,
  QuarantinePage,
  StoredQuarantine,
} from '../../ports/quarantine.ts';
import type { RedriveStep } from '../../ports/redrive-jobs.ts';
import type { StoreAdministration } from '../../ports/store.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import type { OverviewQuestion } from '../../ports/store-overview.ts';
import { addAudit, listAudit } from './audit.ts';
import { listResumed, readCheckpoints, resume } from './checkpoints.ts';
import type { Database } from './database.ts';
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
export abstract class SqliteAdministration implements StoreAdministration {
  protected readonly time: StoreTime;

  constructor(time: StoreTime) {
    this.time = time;
  }

  /** Gives the open database. Rejects with `store_refused` if it has no tables of Tributary. */
  protected abstract database(): Promise<Database>;

  abstract close(): Promise<void>;

  async checkpoints(): Promise<Checkpoint[]> {
    const database = await this.database();
    return database.read(readCheckpoints);
  }

  async resume(decision: ResumeDecision): Promise<void> {
    const database = await this.database();
    return database.write((writer) => resume(writer, decision));
  }

  async listResumed(limit: number) {
    const database = await this.database();
    return database.read((reader) => listResumed(reader, limit));
  }

  async findOpenByKey(search: KeySearch) {
    const database = await this.database();
    return database.read((reader) => findOpenByKey(reader, search));
  }

  async readQuarantine(options: QuarantinePage): Promise<StoredQuarantine[]> {
    const database = await this.database();
    return database.read((reader) => readQuarantine(reader, options));
  }

  async discardQuarantined(discard: QuarantineDiscard): Promise<number> {
    const database = await this.database();
    return database.write((writer) => discardQuarantined(writer, discard));
  }

  async readDelivery(target: string, entityId: string) {
    const database = await this.database();
    return database.read((reader) => readDelivery(reader, target, entityId, this.time));
  }

  async listDeliveries(page: { filter: DeliveryFilter; after: DeliveryKey | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => listDeliveries(reader, page.filter, page.after, page.limit, this.time));
  }

  async pageDeliveries(page: {
    filter: DeliveryFilter;
    after: DeliveryKey | null;
    limit: number;
    lookMax: number;
  }) {
    const database = await this.database();
    return database.read((reader) => pageDeliveries(reader, page.filter, page.after, page, this.time));
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    const database = await this.database();
    return database.read((reader) => readAttempts(reader, key, limit));
  }

  async createJob(job: NewJob) {
    const database = await this.database();
    return database.write((writer) => jobs.createJob(writer, job));
  }

  async readJob(jobId: string) {
    const database = await this.database();
    return database.read((reader) => jobs.readJob(reader, jobId));
  }

  async listJobs(page: { after: JobKey | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => jobs.listJobs(reader, page));
  }

  async claimJob(claim: JobClaimOfKind) {
    const database = await this.database();
    // Usually there is no job, and then no write lock is needed.
    const isAny = await database.read((reader) => jobs.isAnyJob(reader, claim.kind));
    return isAny ? database.write((writer) => jobs.claimJob(writer, claim, this.time)) : null;
  }

  async saveJob(save: JobSave) {
    const database = await this.database();
    return database.write((writer) => jobs.saveJob(writer, save, this.time));
  }

  async renewJob(renewal: JobClaim & { jobId: string }) {
    const database = await this.database();
    return database.write((writer) => jobs.renewJob(writer, renewal, this.time));
  }

  async restJob(rest: { claimant: string; jobId: string; restMs: number }) {
    const database = await this.database();
    return database.write((writer) => jobs.restJob(writer, rest, this.time));
  }

  async cancelJob(cancel: Decision & { jobId: string }) {
    const database = await this.database();
    return database.write((writer) => jobs.cancelJob(writer, cancel, this.time));
  }

  async stepRedrive(step: RedriveStep) {
    const database = await this.database();
    return database.write((writer) => stepRedrive(writer, step, this.time));
  }

  async addAudit(entry: NewAuditEntry) {
    const database = await this.database();
    return database.write((writer) => addAudit(writer, entry));
  }

  async listAudit(page: { after: bigint | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => listAudit(reader, page));
  }

  async listParked(page: { after: string | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => listParked(reader, page));
  }

  async readOverview(question: OverviewQuestion) {
    const database = await this.database();
    return database.read((reader) => readOverview(reader, question));
  }

  async readParked(entityId: string) {
    const database = await this.database();
    return database.read((reader) => readParked(reader, entityId));
  }

  async listHolds() {
    const database = await this.database();
    return database.read(listHolds);
  }

  async hold(part: HoldPart, decision: Decision) {
    const database = await this.database();
    return database.write((writer) => hold(writer, part, decision));
  }

  async release(part: HoldPart, decision: Decision) {
    const database = await this.database();
    return database.write((writer) => release(writer, part, decision));
  }

  async storeId() {
    const database = await this.database();
    return database.read(readStoreId);
  }

  async noteGroupTaken(decision: GroupDecision) {
    const database = await this.database();
    return database.write((writer) => noteGroupTaken(writer, decision));
  }
}
