import { TributaryError } from '../../src/core/errors.ts';
import { partitionName, type TopicPartition } from '../../src/core/offset.ts';
import type { AcquireRequest, Checkpoint, ResumeDecision } from '../../src/ports/checkpoints.ts';
import type { CommitOutcome, IngestBatch } from '../../src/ports/commit.ts';
import type { Store } from '../../src/ports/store.ts';
import type { IngestChecker } from './ingest-checker.ts';
import type { Process, Scheduler } from './scheduler.ts';

/**
 * What becomes of one call. `refuses`: nothing is done, and the answer is this error. `loses_answer`: the connection
 * breaks, after the work was done or before. `errs`: a mistake in the program throws, after the work was done or before.
 */
export type Fate =
  | { readonly kind: 'answers' }
  | { readonly kind: 'refuses'; readonly code: 'store_busy' | 'store_unreachable' | 'store_failed' }
  | { readonly kind: 'loses_answer' | 'errs'; readonly isDone: boolean };

export interface StoreWeather {
  /** The milliseconds that a request or an answer takes on its way. */
  latencyMs(): number;
  /** Called once for each call of the store, with the name of its method. */
  fate(method: string): Fate;
}

export interface StoreTwinOptions {
  /** The real store, shared by all processes of the simulation. */
  readonly real: Store;
  readonly process: Process;
  readonly scheduler: Scheduler;
  readonly weather: StoreWeather;
  readonly checker: IngestChecker;
  readonly trace: (line: string) => void;
  /** Whether the process has given this partition back to its group. */
  readonly hasGivenBack: (partition: TopicPartition) => boolean;
}

/**
 * The store's seeded twin, as one process has it: a real store behind a network that is slow, breaks and loses
 * answers. After every call that changes something the checker compares what really stands there with its own books.
 * A batch's plan waits too, between reading and writing, so that others commit meanwhile.
 */
export function storeTwin(options: StoreTwinOptions): Store {
  const { real, process, scheduler, weather, checker, trace, hasGivenBack } = options;
  const pause = () => scheduler.clock.sleep(weather.latencyMs());

  const travel = async <Result>(method: string, work: () => Promise<Result>): Promise<Result> => {
    const fate = weather.fate(method);
    await pause();
    await process.runs();
    if (fate.kind === 'refuses') {
      trace(`${process.name}: ${method} is refused with ${fate.code}`);
      throw new TributaryError(fate.code, `The simulated store refuses ${method}.`);
    }
    if (fate.kind === 'loses_answer' && !fate.isDone) throw lost(method, false);
    if (fate.kind === 'errs' && !fate.isDone) throw mistake(method, false);
    const result = await scheduler.real(work);
    await pause();
    await process.runs();
    if (fate.kind === 'loses_answer') throw lost(method, true);
    if (fate.kind === 'errs') throw mistake(method, true);
    return result;
  };

  const mayChange = (verb: string, partitions: readonly TopicPartition[]): void => {
    for (const partition of partitions) {
      if (!hasGivenBack(partition)) continue;
      checker.violations.push(`${process.name} ${verb} ${partitionName(partition)}, which it has given back`);
    }
  };

  let breaks = 0;
  const lost = (method: string, isDone: boolean): TributaryError => {
    breaks++;
    trace(`${process.name}: the answer of ${method} is lost, ${isDone ? 'done' : 'not done'}`);
    const code = method === 'commit' ? 'store_commit_unknown' : 'store_unreachable';
    return new TributaryError(code, `The connection broke during ${method}.`);
  };

  const mistake = (method: string, isDone: boolean): TypeError => {
    trace(`${process.name}: a defect strikes ${method}, ${isDone ? 'done' : 'not done'}`);
    return new TypeError(`${method} of undefined`);
  };

  const commit = async (batch: IngestBatch): Promise<CommitOutcome> => {
    const isSlow = batch.mode === 'optimistic';
    let outcome: CommitOutcome | undefined;
    try {
      outcome = await real.commit({
        ...batch,
        plan: async (versions, readJournals) => {
          // A locking plan runs inside the transaction: time that passed there would stop every other call.
          const changes = await batch.plan(versions, async (entityIds) => {
            const journals = await readJournals(entityIds);
            if (isSlow) await scheduler.virtual(() => pause().then(() => process.runs()));
            return journals;
          });
          if (isSlow) await scheduler.virtual(() => pause().then(() => process.runs()));
          return changes;
        },
      });
    } finally {
      const moves = batch.moves.map(
        ({ topic, partition, fromOffset, toOffset }) => `${topic}/${partition}:${fromOffset}-${toOffset}`,
      );
      trace(`${process.name}: ${batch.mode} commit ${moves.join(' ')}: ${outcome?.kind ?? 'failed'}`);
      await checker.afterCommit(batch, outcome?.kind === 'committed');
      mayChange('commits', batch.moves);
    }
    return outcome;
  };

  const replaced: Partial<Store> = {
    commit: (batch) => travel('commit', () => commit(batch)),
    acquire: (requests: readonly AcquireRequest[]) =>
      travel('acquire', async (): Promise<Checkpoint[]> => {
        const checkpoints = await real.acquire(requests);
        trace(
          `${process.name}: acquires ${checkpoints.map(({ topic, partition, nextOffset, epoch }) => `${topic}/${partition}@${nextOffset} epoch ${epoch}`).join(' ')}`,
        );
        checker.afterAcquire(checkpoints);
        mayChange('acquires', checkpoints);
        return checkpoints;
      }),
    resume: (decision: ResumeDecision) =>
      travel('resume', async () => {
        await real.resume(decision);
        checker.afterResume(decision);
      }),
    halt: (partition, epoch, reason) =>
      travel('halt', async () => {
        await real.halt(partition, epoch, reason);
        trace(`${process.name}: halts ${partition.topic}/${partition.partition}: ${reason}`);
        checker.afterHalt(partition, epoch);
        mayChange('halts', [partition]);
      }),
    close: async () => {},
  };

  return new Proxy(real, {
    get(target, name) {
      // A connection that broke may be followed by one to another server.
      if (name === 'generation') return target.generation + breaks;
      if (name in replaced) return Reflect.get(replaced, name);
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => travel(String(name), async () => member.apply(target, given));
    },
  });
}
