import type { Domain } from '../../../src/core/domain.ts';
import type { OrderState } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { LONG_LIMITS, LongHistories } from '../../../src/pipeline/ingest/long-histories.ts';
import { JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import { quarantineRedriveHandler } from '../../../src/pipeline/jobs/quarantine-redrive.ts';
import { redriveHandler } from '../../../src/pipeline/jobs/redrive.ts';
import { verifyHandler } from '../../../src/pipeline/jobs/verify.ts';
import { rebuildHandler } from '../../../src/pipeline/rebuild/rebuild-job.ts';
import { untilCaughtUp } from '../../../src/pipeline/reconcile/caught-up.ts';
import { Sync } from '../../../src/pipeline/sync.ts';
import { dueTargetsOf, type TargetRoute } from '../../../src/pipeline/target-route.ts';
import type { EventLog } from '../../../src/ports/event-log.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { OpenedStore, Store } from '../../../src/ports/store.ts';
import type { FragileEvent } from './fragile.ts';
import type { Shape } from './history.ts';
import type { SimulatedProcess } from './process.ts';
import { TOPICS } from './records.ts';
import type { StoreWay } from './store-session.ts';
import type { SimulatedTarget } from './target.ts';

export const GROUP = 'order-sync';
export const TOPIC_NAMES = Object.fromEntries(TOPICS.map((topic) => [topic, topic]));
const SWEEP_EVERY_MS = 5_000;
const JOB_POLL_MS = 1_000;
const CAUGHT_UP_PATIENCE_MS = 2_000;

export interface InstanceParts {
  readonly process: SimulatedProcess;
  readonly way: StoreWay;
  readonly log: EventLog;
  readonly store: OpenedStore;
  readonly target: SimulatedTarget;
  readonly shape: Shape;
  /** The version of the program: what it can fold, and whether it accepts records without keys. */
  readonly domain: Domain<OrderState, FragileEvent>;
  readonly acceptsMissingKeys: boolean;
  readonly logger: Logger;
  readonly onFailed: (error: unknown) => void;
}

/** One order-sync: the real pipeline and the real jobs, over the twins of everything else. */
export class Instance {
  readonly process: SimulatedProcess;
  readonly way: StoreWay;
  readonly sync: Sync<OrderState, FragileEvent>;
  readonly #jobs: JobWorker;
  readonly #parts: InstanceParts;

  constructor(parts: InstanceParts) {
    const { process, way, log, store, target, shape, logger, acceptsMissingKeys } = parts;
    this.#parts = parts;
    this.process = process;
    this.way = way;
    const { clock } = process;
    const { delivery, isSwept, lanes, batchEvents, cacheEvents, maxBufferedBytes } = shape;
    this.#jobs = new JobWorker({ store, clock, logger, pollMs: JOB_POLL_MS });
    const route: TargetRoute = {
      target: target.connect(process),
      qualifies: null,
      isFromBeginning: true,
      pace: {
        concurrency: delivery.concurrency,
        maxAttempts: delivery.maxAttempts,
        backoff: { baseMs: 500, capMs: 10_000 },
      },
      ...(isSwept
        ? { sweep: { holdings: target.holdings(process), everyMs: SWEEP_EVERY_MS, perSecond: 1_000 } }
        : {}),
    };
    this.sync = new Sync({
      domain: parts.domain,
      log,
      store,
      targets: [route],
      clock,
      logger,
      group: GROUP,
      ingest: { lanes, batchEvents, cacheEvents, maxBufferedBytes, acceptsMissingKeys },
      delivery: {
        enabled: true,
        leaseMs: delivery.leaseMs,
        holdMs: delivery.holdMs,
        pollMs: 500,
        stopGraceMs: 2_000,
      },
      onOutdated: parts.onFailed,
      onStoreReady: (migrated) => {
        if (shape.hasJobs) this.#startJobs(migrated);
      },
    });
  }

  start(): void {
    this.sync.start().catch((error: unknown) => this.#parts.onFailed(error));
  }

  /** SIGTERM: finishes what is under way. */
  async stop(): Promise<void> {
    await this.#jobs.stop();
    await this.sync.stop();
    await this.#parts.log.close();
    await this.#parts.store.close();
  }

  /** Tells of this instance in one line, for people who look for the reason of a standstill. */
  describe(): string {
    const { ingest, deliveries } = this.sync.status();
    const waiting =
      ingest?.waiting.map(({ name, reason }) => `${name}: ${reason}`).join('; ') ?? 'not started';
    const breakers = Object.values(deliveries).map(({ breaker }) => breaker);
    return `${this.process.name}: waits: ${waiting || 'nothing'}; breaker ${breakers.join()}`;
  }

  #startJobs(store: Store): void {
    const { process, log, logger, target, domain, acceptsMissingKeys } = this.#parts;
    const { clock } = process;
    const decoder = createDecoder(domain, { topicNames: TOPIC_NAMES, acceptsMissingKeys });
    const due = new DueRules(dueTargetsOf([{ target, qualifies: null }], domain.view));
    const long = new LongHistories({
      domain,
      decoder,
      journals: store.longJournals,
      logger,
      limits: LONG_LIMITS,
    });
    this.#jobs.start([
      redriveHandler({ store, clock, perSecond: 1_000, onRedriven: () => {} }),
      quarantineRedriveHandler({ domain, decoder, due, store, clock, logger }),
      rebuildHandler({ domain, decoder, due, store, clock, logger }),
      verifyHandler({
        domain,
        decoder,
        due,
        store,
        clock,
        targetsFromBeginning: new Set([target.name]),
        maxEvents: LONG_LIMITS.longEvents,
        long,
        holdingsOf: () => target.holdings(process),
        untilCaughtUp: (signal) =>
          untilCaughtUp({ log, store, topics: TOPICS, clock, patienceMs: CAUGHT_UP_PATIENCE_MS }, signal),
        redrivePerSecond: 1_000,
        differenceJson: () => ({}),
        targetDifferenceJson: () => ({}),
      }),
    ]);
  }
}
