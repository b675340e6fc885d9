import type { Checkpoint, ResumeDecision } from '../../ports/checkpoints.ts';
import type { DeliveryFilter, DeliveryKey } from '../../ports/ledger.ts';
import type { QuarantinedRecord, QuarantinePage } from '../../ports/quarantine.ts';
import type { NewRedriveJob, RedriveClaim, RedriveKey, RedriveRest } from '../../ports/redrive-jobs.ts';
import type { StoreAdministration } from '../../ports/store.ts';
import type { OverviewQuestion } from '../../ports/store-overview.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import { readCheckpoints, resume } from './checkpoints.ts';
import type { Database } from './database.ts';
import { listDeliveries, pageDeliveries, readAttempts, readDelivery } from './delivery-queries.ts';
import { noteGroupTaken, readStoreId } from './identity.ts';
import { readOverview } from './overview.ts';
import { listParked } from './parked.ts';
import { readQuarantine } from './quarantine.ts';
import * as jobs from './redrive-jobs.ts';
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

  async readQuarantine(options: QuarantinePage): Promise<QuarantinedRecord[]> {
    const database = await this.database();
    return database.read((reader) => readQuarantine(reader, options));
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
    return database.read((reader) =>
      pageDeliveries(reader, page.filter, page.after, page, this.time),
    );
  }

  async readAttempts(key: DeliveryKey, limit: number) {
    const database = await this.database();
    return database.read((reader) => readAttempts(reader, key, limit));
  }

  async createRedrive(job: NewRedriveJob) {
    const database = await this.database();
    return database.write((writer) => jobs.createRedrive(writer, job));
  }

  async readRedrive(jobId: string) {
    const database = await this.database();
    return database.read((reader) => jobs.readRedrive(reader, jobId));
  }

  async listRedrives(page: { after: RedriveKey | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => jobs.listRedrives(reader, page.after, page.limit));
  }

  async claimRedrive(claim: RedriveClaim) {
    const database = await this.database();
    // Usually there is no job, and then no write lock is needed.
    const isAny = await database.read(jobs.isAnyRedrive);
    return isAny ? database.write((writer) => jobs.claimRedrive(writer, claim, this.time)) : null;
  }

  async stepRedrive(step: RedriveClaim & { jobId: string; limit: number }) {
    const database = await this.database();
    return database.write((writer) => jobs.stepRedrive(writer, step, this.time));
  }

  async restRedrive(rest: RedriveRest) {
    const database = await this.database();
    return database.write((writer) => jobs.restRedrive(writer, rest, this.time));
  }

  async listParked(page: { after: string | null; limit: number }) {
    const database = await this.database();
    return database.read((reader) => listParked(reader, page));
  }

  async readOverview(question: OverviewQuestion) {
    const database = await this.database();
    return database.read((reader) => readOverview(reader, question));
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
