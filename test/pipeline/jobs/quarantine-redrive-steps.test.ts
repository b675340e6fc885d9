import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { judgeAgain, quarantineRedriveHandler } from '../../../src/pipeline/jobs/quarantine-redrive.ts';
import { isSelectedBy, selectionJson } from '../../../src/pipeline/jobs/quarantine-selection.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import type { Job, JobSave } from '../../../src/ports/jobs.ts';
import type { QuarantinePage, StoredQuarantine } from '../../../src/ports/quarantine.ts';
import type { Store } from '../../../src/ports/store.ts';
import { COUNTS, recordOf } from '../ingest/harness.ts';
import { broken, decoder, movement } from './quarantine-records.ts';

const CLAIM = { claimant: 'worker', leaseMs: 10_000 };
type Outcome = Awaited<ReturnType<Store['commit']>> | Error;

/** A job over quarantined records, and a store that takes commits as it is told. */
class Place {
  readonly clock = new SeededClock({ seed: 2, time: 'immediately' });
  readonly pages: QuarantinePage[] = [];
  readonly commits: IngestBatch[] = [];
  readonly settled: unknown[] = [];
  readonly saves: JobSave[] = [];
  readonly logged: string[] = [];
  /** The outcomes of the next commits. Those behind them are committed. */
  readonly outcomes: Outcome[] = [];
  isClaimed = true;
  readonly renewals: unknown[] = [];
  generations = 0;
  readonly versions = new Map<string, number>();
  domain: typeof stockLedger = stockLedger;
  parkedReads = 0;
  readonly records: StoredQuarantine[];
  job: Job;
  readonly signal = new AbortController();

  constructor(records: readonly StoredQuarantine[], facts: Partial<Job> = {}) {
    this.records = [...records];
    this.job = {
      jobId: 'job',
      kind: 'quarantine_redrive',
      parameters: selectionJson([{}]),
      isDryRun: false,
      requestedBy: 'Ada',
      reason: '',
      createdAtMs: 1,
      updatedAtMs: 1,
      finishedAtMs: null,
      state: 'running',
      progress: {},
      place: null,
      ...facts,
    };
  }

  readonly #store: Partial<Store> = {
    // The index of no long journal can be made.
    longJournals: {
      lookUp: async () => new Map(),
      index: async () => null,
    } as unknown as Store['longJournals'],
    listParked: async () => {
      this.parkedReads++;
      return [];
    },
    viewState: async () => ({
      epoch: 4,
      phase: 'steady',
      foldVersion: 1,
      awaitedFold: null,
      columns: stockLedger.view.columns,
      beat: 0,
      rebuild: null,
    }),
    readQuarantine: async (page) => {
      this.pages.push(page);
      const { after, limit } = page;
      return this.records
        .filter((record) => isSelectedBy(page, record) && (after === null || record.offset > after.offset))
        .slice(0, limit);
    },
    renewJob: async (renewal) => {
      this.renewals.push(renewal);
      return this.isClaimed;
    },
    saveJob: async (save) => {
      this.saves.push(save);
      if (!this.isClaimed) return null;
      const { state, progress, place } = save;
      return { ...this.job, state, progress, place };
    },
    commit: async (batch) => {
      this.commits.push(batch);
      const outcome = this.outcomes.shift() ?? { kind: 'committed' };
      if (outcome instanceof Error) throw outcome;
      await batch.plan(this.versions, async () => new Map());
      if (outcome.kind === 'committed') this.settled.push(batch.redrive?.());
      return outcome as Awaited<ReturnType<Store['commit']>>;
    },
  };

  async step(): Promise<Job | null> {
    const handler = quarantineRedriveHandler({
      domain: this.domain,
      decoder,
      due: new DueRules([]),
      store: Object.defineProperty(this.#store as Store, 'generation', {
        configurable: true,
        get: () => ++this.generations,
      }),
      clock: this.clock,
      logger: (level, message, fields) =>
        this.logged.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`),
    });
    const job = (await handler.step(this.job, CLAIM, this.signal.signal)) as Job | null;
    if (job !== null) this.job = job;
    return job;
  }

  /** The numbers of records that each step met, to the end of the job. */
  async steps(): Promise<number[]> {
    const met: number[] = [];
    while (this.job.state !== 'done') {
      const before = Number(this.job.progress.matched ?? 0);
      await this.step();
      met.push(Number(this.job.progress.matched) - before);
    }
    return met;
  }
}

const many = (count: number) => Array.from({ length: count }, (_, index) => movement(index));
const STALE = { kind: 'stale' } as Outcome;
const FENCED = { kind: 'fenced' } as Outcome;
const busy = () => new TributaryError('store_busy', 'A deadlock.');

describe('a step of a quarantine redrive', () => {
  it('takes 500 records at most, in pages of 50, and goes on behind the last one', async () => {
    const place = new Place(many(1_020));
    const kept = await place.step();
    const last = place.records[499] as StoredQuarantine;
    const { topic, partition, valueHash } = last;
    // The place is JSON, which has no bigints.
    expect(kept).toMatchObject({
      state: 'running',
      place: { filter: 0, after: { topic, partition, offset: '499', valueHash } },
    });
    expect(JSON.parse(JSON.stringify(kept?.place))).toEqual(kept?.place);
    expect(place.pages.map(({ limit }) => limit)).toEqual(Array(10).fill(50));
    expect(await place.steps()).toEqual([500, 20]);
    expect(place.job).toMatchObject({
      place: null,
      progress: { matched: 1_020, passed: 1_020, redriven: 1_020 },
    });
  });

  it('takes no further page once it has 8 MiB of values and headers', async () => {
    const large = { value: Buffer.alloc(100 * 1_024, 'x'), headers: Buffer.alloc(64 * 1_024, ' ') };
    const place = new Place(Array.from({ length: 120 }, (_, index) => broken(index, large)));
    // 50 records of 164 KiB are 8 MiB and a little.
    expect(await place.steps()).toEqual([50, 50, 20]);
    const small = new Place(
      Array.from({ length: 120 }, (_, index) => broken(index, { ...large, headers: Buffer.from('[]') })),
    );
    expect(await small.steps()).toEqual([100, 20]);
  });

  it('works off one filter after the other, and meets a record of two filters once', async () => {
    const parameters = selectionJson([{ beforeOffset: 3n }, { fromOffset: 2n, beforeOffset: 5n }]);
    const place = new Place(many(9), { parameters });
    expect(await place.steps()).toEqual([5]);
    // Nobody gave a reason.
    expect(place.settled).toMatchObject([{ settlement: { reason: 'job job' } }]);
    expect(
      place.pages.map(({ fromOffset, beforeOffset, after }) => [fromOffset, beforeOffset, after]),
    ).toEqual([
      [undefined, 3n, null],
      [2n, 5n, null],
    ]);
    // Five hundred rows of the first filter end a step, which goes on in the second one.
    const full = new Place(many(700), {
      parameters: selectionJson([{ beforeOffset: 500n }, { fromOffset: 400n }]),
    });
    expect(await full.steps()).toEqual([500, 200]);
    const short = new Place(many(700), {
      parameters: selectionJson([{ beforeOffset: 30n }, { fromOffset: 30n }]),
    });
    expect(await short.steps()).toEqual([500, 200]);
  });

  it('begins the next filter in a step of its own where the first one has 8 MiB in less than a page', async () => {
    const large = { value: Buffer.alloc(220 * 1_024, 'x') };
    const parameters = selectionJson([{ beforeOffset: 40n }, { fromOffset: 40n }]);
    const records = Array.from({ length: 45 }, (_, index) => broken(index, large));
    const place = new Place(records, { parameters });
    expect(await place.step()).toMatchObject({ state: 'running', place: { filter: 1, after: null } });
    expect(await place.steps()).toEqual([5]);
  });

  it('writes the records that pass and those that do not in one transaction, with the job', async () => {
    const place = new Place([movement(0), broken(1), broken(2, { topic: COUNTS, partition: 3 })], {
      reason: 'the setting is corrected',
      progress: {
        matched: 7,
        passed: 4,
        redriven: 3,
        duplicates: 1,
        refusedAgain: { json_invalid: 2, type_unknown: 1 },
      },
    });
    expect(await place.step()).toMatchObject({ state: 'done' });
    expect(place.commits).toMatchObject([
      { moves: [], quarantined: [], entityIds: ['a'], mode: 'locking', viewEpoch: 4 },
    ]);
    const refusedAs = (index: number) => {
      const { topic, partition, offset, valueHash } = place.records[index] as StoredQuarantine;
      return { topic, partition, offset, valueHash, reason: 'json_invalid', detail: expect.any(String) };
    };
    const progress = {
      matched: 10,
      passed: 5,
      redriven: 4,
      duplicates: 1,
      refusedAgain: { json_invalid: 4, type_unknown: 1 },
    };
    expect(place.settled).toEqual([
      {
        passed: [place.records[0]],
        settlement: {
          settledAs: 'redriven',
          decidedBy: 'Ada',
          reason: 'the setting is corrected (job job)',
          decidedAtMs: place.clock.now(),
        },
        refused: [refusedAs(1), refusedAs(2)],
        job: { ...CLAIM, jobId: 'job', state: 'done', place: null, progress },
      },
    ]);
    expect(place.job.progress).toEqual(progress);
    expect(place.saves).toEqual([]);
  });

  it('leaves a record as it is that is refused for the reason that it has', async () => {
    const first = new Place([broken(0)]);
    await first.step();
    const [{ refused: [today] = [] } = {}] = first.settled as { refused: StoredQuarantine[] }[];
    const { reason = '', detail = '' } = today ?? {};
    const again = new Place([
      broken(0, { reason, detail }),
      broken(1, { reason, detail: 'Another one.' }),
      broken(2, { reason: 'key_missing', detail }),
      movement(3, { valueLength: 1_000_000 }),
    ]);
    await again.step();
    expect(again.settled).toMatchObject([{ passed: [], refused: [{ offset: 1n }, { offset: 2n }] }]);
    expect(again.job.progress).toMatchObject({
      redriven: 0,
      refusedAgain: { json_invalid: 3, record_too_large: 1 },
    });
  });

  it('only saves the job in a dry run, or if there is no record', async () => {
    const dry = new Place([movement(0), movement(1), broken(2)], { isDryRun: true });
    await dry.step();
    expect(dry.commits).toEqual([]);
    expect(dry.saves).toEqual([
      {
        ...CLAIM,
        jobId: 'job',
        state: 'done',
        place: null,
        progress: { matched: 3, passed: 2, redriven: 0, duplicates: 0, refusedAgain: { json_invalid: 1 } },
      },
    ]);
    const empty = new Place([]);
    expect(await empty.step()).toMatchObject({ state: 'done' });
    expect([empty.commits, empty.saves.length]).toEqual([[], 1]);
    const tombstone = new Place([movement(0, { value: null, valueLength: 0 })]);
    expect(await tombstone.step()).toMatchObject({ state: 'done', progress: { matched: 1, passed: 0 } });
    const unreadable = new Place(many(1), { parameters: { filters: [{ topik: 'a' }] } });
    await expect(unreadable.step()).rejects.toMatchObject({ code: 'store_refused' });
    empty.isClaimed = false;
    expect(await empty.step()).toBeNull();
  });

  it('reads records and parked entities again after somebody has changed them, up to 20 times', async () => {
    const place = new Place(many(2));
    place.outcomes.push(STALE, STALE);
    expect(await place.step()).toMatchObject({ state: 'done' });
    expect([place.commits.length, place.pages.length, place.parkedReads]).toEqual([3, 3, 3]);

    const changing = new Place(many(2));
    changing.outcomes.push(...Array(30).fill(STALE));
    await expect(changing.step()).rejects.toMatchObject({
      code: 'store_busy',
      message: 'The records of the job job were changed 20 times while it worked on them.',
    });
    expect(changing.commits).toHaveLength(20);
  });

  it('ends where the job is not its own any more, and goes on where only the view has changed', async () => {
    const place = new Place(many(1));
    place.outcomes.push(FENCED);
    expect(await place.step()).toMatchObject({ state: 'done' });
    expect([place.commits.length, place.renewals]).toEqual([2, [{ ...CLAIM, jobId: 'job' }]]);
    // Each plan forgets what was prepared for another server.
    expect(place.generations).toBe(2);

    const lost = new Place(many(1));
    lost.outcomes.push(FENCED);
    lost.isClaimed = false;
    expect(await lost.step()).toBeNull();
    expect(lost.renewals).toHaveLength(1);
  });

  it('tries again after a pause while the store is busy, up to 20 times, and throws any other error', async () => {
    const place = new Place(many(1));
    place.outcomes.push(busy(), busy(), busy());
    const beganMs = place.clock.monotonicMs();
    expect(await place.step()).toMatchObject({ state: 'done' });
    expect(place.commits).toHaveLength(4);
    expect(place.clock.monotonicMs() - beganMs).toBeGreaterThan(0);
    expect(place.clock.monotonicMs() - beganMs).toBeLessThanOrEqual(10 + 20 + 40);

    const stuck = new Place(many(1));
    stuck.outcomes.push(...Array.from({ length: 30 }, busy));
    await expect(stuck.step()).rejects.toMatchObject({ code: 'store_busy', message: 'A deadlock.' });
    expect(stuck.commits).toHaveLength(20);

    const broken = new Place(many(1));
    broken.outcomes.push(new TributaryError('store_unreachable', 'No answer.'));
    await expect(broken.step()).rejects.toMatchObject({ code: 'store_unreachable' });
    expect(broken.commits).toHaveLength(1);
  });

  it('prepares entities with long journals up to 20 times, as long as the job is its own', async () => {
    const place = new Place(many(1));
    place.versions.set('a', 5_000);
    await expect(place.step()).rejects.toThrow();
    expect([place.commits.length, place.renewals.length]).toEqual([21, 20]);

    const lost = new Place(many(1));
    lost.versions.set('a', 5_000);
    lost.isClaimed = false;
    expect(await lost.step()).toBeNull();
    expect([lost.commits.length, lost.renewals.length]).toEqual([1, 1]);
  });

  it('logs the first five entities that it parks', async () => {
    const records = Array.from({ length: 7 }, (_, index) =>
      movement(index, {
        value: recordOf({ articleId: `a${index}`, isCount: false, quantity: 1, minute: 1 }).value as Buffer,
      }),
    );
    const place = new Place(records);
    place.domain = {
      ...stockLedger,
      evolve() {
        throw new RangeError('no such quantity');
      },
    };
    await place.step();
    const line = /^error: "a(\d)" is parked: .*no such quantity.* \{"reason":"fold_failed"\}$/;
    expect(place.logged.map((logged) => line.exec(logged)?.[1])).toEqual(['0', '1', '2', '3', '4']);
  });

  it('asks nothing of the store once it is stopped', async () => {
    const place = new Place(many(1));
    place.signal.abort();
    expect(await place.step()).toBeNull();
    expect([place.pages, place.commits]).toEqual([[], []]);
  });
});

describe('the verdict of today', () => {
  it('waits until the decoder has what it needs for the record', async () => {
    const prepared: unknown[] = [];
    const record = movement(0);
    const waiting: typeof decoder = {
      ...decoder,
      prepare: async (records: readonly LogRecord[], topic: string) =>
        void prepared.push([topic, records.map(({ offset }) => offset)]),
      decode: (...given: Parameters<typeof decoder.decode>) => {
        prepared.push('decoded');
        return decoder.decode(...given);
      },
    };
    expect(await judgeAgain(waiting, record, 1)).toMatchObject({ kind: 'event' });
    expect(prepared).toEqual([[record.topic, [0n]], 'decoded']);
  });

  it.each([
    ['event', movement(0), {}],
    ['refused', broken(0), { reason: 'json_invalid' }],
    ['refused', movement(0, { reason: 'record_too_large' }), { reason: 'record_too_large' }],
    ['refused', movement(0, { headers: Buffer.from('none') }), { reason: 'header_invalid' }],
  ] as const)('says %s by the bytes that the store has', async (kind, record, facts) => {
    expect(await judgeAgain(decoder, record, 1)).toMatchObject({ kind, ...facts });
  });
});
