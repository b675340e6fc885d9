import { expect, onTestFinished, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain } from '../../../src/core/domain.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import { quarantineRedriveHandler } from '../../../src/pipeline/jobs/quarantine-redrive.ts';
import { type QuarantineSelection, selectionJson } from '../../../src/pipeline/jobs/quarantine-selection.ts';
import type { NewRecord } from '../../../src/ports/event-log.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import {
  COUNTS,
  type Entry,
  MOVEMENTS,
  Place,
  quickClock,
  recordOf,
  TARGET,
  WAITING,
} from '../ingest/harness.ts';

const TOPIC_NAMES = { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS };
/** Takes records without a key, which the decoder of `Place.start` refuses. */
const corrected = createDecoder(stockLedger, { topicNames: TOPIC_NAMES, acceptsMissingKeys: true });

export const keyless = (entry: Entry): NewRecord => ({ ...recordOf(entry), key: null });
export const broken = (entry: Entry): NewRecord => ({ ...recordOf(entry), value: Buffer.from('{"half') });

export async function placeWith(records: readonly NewRecord[]) {
  const place = await Place.make({ movements: 3, counts: 2 });
  const { ingest } = await place.start();
  const refused = (count: number) =>
    vi.waitFor(async () => expect(await place.store.counts()).toMatchObject({ quarantined: count }), WAITING);
  await place.append(records);
  return { place, ingest, refused };
}

/** A job that has met more records than this does not end: no test has as many. */
const ENDLESS = 10_000;

export async function create(store: Store, jobId: string, selection: QuarantineSelection, isDryRun = false) {
  await store.createJob({
    jobId,
    kind: 'quarantine_redrive',
    parameters: selectionJson(selection),
    isDryRun,
    requestedBy: 'ops',
    reason: 'the setting is corrected',
    createdAtMs: Date.now(),
  });
}

export function work(
  store: Store,
  domain: Domain<StockState, StockEvent> = stockLedger,
  logger: Logger = () => {},
): JobWorker {
  const worker = new JobWorker({ store, clock: quickClock, logger, pollMs: 100 });
  const due = new DueRules([{ name: TARGET, qualifies: null }]);
  const parts = { domain, decoder: corrected, due, clock: quickClock, logger: () => {} };
  worker.start([quarantineRedriveHandler({ ...parts, store })]);
  onTestFinished(() => worker.stop());
  return worker;
}

export async function done(store: Store, jobId: string) {
  await vi.waitFor(async () => {
    const job = await store.readJob(jobId);
    if (Number(job?.progress.matched ?? 0) < ENDLESS) expect(job).toMatchObject({ state: 'done' });
  }, WAITING);
  return (await store.readJob(jobId))?.progress;
}

export const counted = (facts: object) => ({
  matched: 0,
  passed: 0,
  redriven: 0,
  duplicates: 0,
  refusedAgain: {},
  ...facts,
});
