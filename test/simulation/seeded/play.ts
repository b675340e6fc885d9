import { setImmediate } from 'node:timers/promises';
import { partitionName } from '../../../src/core/offset.ts';
import { type HoldPart, partName } from '../../../src/ports/holds.ts';
import type { JsonObject } from '../../../src/ports/jobs.ts';
import type { DeliveryFilter } from '../../../src/ports/ledger.ts';
import type { Act, History, JobAsked } from './history.ts';
import type { Instance } from './instance.ts';
import { orderIdOf, type RecordSpec } from './records.ts';
import type { Tally } from './tally.ts';
import { SeededWorld, TARGET } from './world.ts';

/** What came of a history. */
export interface Played {
  /** What was broken, the first first; empty if nothing was. */
  readonly violations: readonly string[];
  /** What happened, one line each, if it was asked for. */
  readonly trace: readonly string[];
  /** The steps of the first process. */
  readonly firstSteps: number;
  readonly transactions: number;
  /** The time from the moment at which everything had healed until everything was settled. */
  readonly settledMs: number;
}

/**
 * From the last trouble to a settled world: sessions end after 10 s, breakers rest for up to 20 s, claims of the dead for
 * up to 45 s, and what met a defect for up to 60 s.
 */
const RECOVERY_MS = 240_000;
/** After this time an operator does what the logs ask for: publishes again what neither log nor database has any more. */
const PATIENCE_MS = 80_000;
/** Between two redrives, so that a sweep has the time to replace what the target refuses. */
const REDRIVEN_EVERY_MS = 20_000;
/**
 * A source goes on. A target that has refused several orders alike is taken for the cause until it takes a state of another
 * one: see docs/reliability.md, "Not covered".
 */
const ANOTHER_ORDER: readonly RecordSpec[] = [
  { order: 9_999, status: 'created', minute: 0 },
  { order: 9_999, status: 'authorised', minute: 1 },
];
/** While nothing has changed, everything is looked at once in this time. */
const CHECKED_EVERY_MS = 250;

/** Plays a history to its end, or to the first broken promise. */
export async function play(history: History, tally: Tally, { isTraced = false } = {}): Promise<Played> {
  const world = new SeededWorld(history, tally, isTraced);
  let settledMs = 0;
  const violations: string[] = [];
  // The event loop has its turn before each history. Inside of one it has none.
  await setImmediate();
  try {
    await happen(world);
    if (!world.isBroken) settledMs = await settle(world, violations);
  } catch (error) {
    violations.push(`The simulation itself broke: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    world.close();
  }
  violations.unshift(...world.violations());
  return {
    violations,
    trace: world.trace ?? [],
    firstSteps: world.firstSteps,
    transactions: world.books.transactions,
    settledMs,
  };
}

/** Lets everything happen that the history tells of. */
async function happen(world: SeededWorld): Promise<void> {
  const { history, agenda } = world;
  for (let count = 0; count < history.shape.instances; count++) world.start();
  for (const act of history.acts) {
    await agenda.runUntil(() => world.isBroken, Math.max(0, act.atMs - agenda.monotonicMs()));
    if (world.isBroken) return;
    await ACTIONS[act.kind](world, act as never);
  }
}

/** Heals everything, and waits until nothing is left to be done. Returns how long that took. */
async function settle(world: SeededWorld, violations: string[]): Promise<number> {
  const { agenda } = world;
  const endMs = await heal(world);
  let checkedMs = Number.NEGATIVE_INFINITY;
  let transactions = -1;
  const isSettled = () => {
    if (world.isBroken) return true;
    const nowMs = agenda.monotonicMs();
    if (world.books.transactions === transactions && nowMs - checkedMs < CHECKED_EVERY_MS) return false;
    checkedMs = nowMs;
    transactions = world.books.transactions;
    return world.isSettled();
  };
  const fromMs = agenda.monotonicMs();
  for (let leftMs = RECOVERY_MS; leftMs > 0; leftMs -= 2_000) {
    if (await agenda.runUntil(isSettled, Math.min(leftMs, endMs))) break;
    if (!world.tables.isMigrated) continue;
    await world.decide();
    if (world.tables.totals().parked > 0) await world.unpark();
    if ((RECOVERY_MS - leftMs) % REDRIVEN_EVERY_MS === 0) await redriveDead(world);
    await switchBuilt(world);
    if (leftMs === RECOVERY_MS - PATIENCE_MS) {
      world.publishLost();
      world.publish(ANOTHER_ORDER);
    }
  }
  if (world.isBroken) return 0;
  if (!world.isSettled()) violations.push(`I11: after ${RECOVERY_MS / 1_000} s: ${world.standstill()}`);
  else world.books.compareAll();
  return agenda.monotonicMs() - fromMs;
}

/** From now on nothing fails any more. Returns how long to run between two looks of the operator. */
async function heal(world: SeededWorld): Promise<number> {
  world.note('everything heals');
  world.isHealed = true;
  world.storeWeather.clear();
  world.logWeather.clear();
  world.targetWeather.clear();
  world.target.weather = [];
  for (const partition of world.partitions) {
    world.log.setLeader(partition, true);
    for (const offset of partition.corrupt)
      if (offset >= partition.endOffset) partition.corrupt.delete(offset);
  }
  const holds = world.tables.isMigrated ? await world.operator.listHolds() : [];
  for (const { part } of holds)
    await world.tried(world.operator.release(part, decision(world, 'everything heals')));
  if (world.instances.length === 0) world.start();
  return 2_000;
}

/** After everything has healed, an operator has dead deliveries sent again. */
async function redriveDead(world: SeededWorld): Promise<void> {
  if (world.tables.deadOf(TARGET) === 0 || world.tables.hasOpenJobs()) return;
  if (world.history.shape.hasJobs) await createJob(world, 'redrive');
  else world.tables.redriveAll(TARGET, world.agenda.now());
}

/**
 * A rebuild waits until an operator has looked at the report of the one before it and switches to it, or discards what
 * is left of one that was cancelled.
 */
async function switchBuilt(world: SeededWorld): Promise<void> {
  if (!world.tables.hasOpenJobs()) return;
  await createJob(world, 'switch');
  const { operator } = world;
  const store = await world.migratedStore();
  const left = (await store.viewState()).rebuild;
  const job = left === null ? null : await operator.readJob(left.rebuildId);
  if (job?.state === 'cancelled') await world.tried(store.discardRebuild(job.jobId));
}

function decision(world: SeededWorld, reason: string) {
  return { decidedBy: 'an operator', reason, decidedAtMs: world.agenda.now() };
}

type Actions = {
  readonly [Kind in Act['kind']]: (
    world: SeededWorld,
    act: Extract<Act, { kind: Kind }>,
  ) => Promise<void> | void;
};

/** What each kind of act does to the world. */
const ACTIONS: Actions = {
  publish: (world, { records }) => {
    world.publish(records);
    world.tally.count('records published', records.length);
  },
  start: (world) => {
    if (world.instances.length < 3) world.start();
  },
  stop: (world, act) =>
    withInstance(world, act.instance, (instance) => {
      world.tally.count('stopped');
      world.stop(instance);
    }),
  kill: (world, act) =>
    withInstance(world, act.instance, ({ process }) => {
      process.diesAtStep = process.steps + act.afterSteps;
    }),
  freeze: (world, { instance, ms, inCommit }) =>
    withInstance(world, instance, (frozen) => {
      world.tally.count('frozen');
      if (inCommit) frozen.way.freezeInCommit = () => world.freeze(frozen, ms);
      else world.freeze(frozen, ms);
    }),
  clock: (world, { instance, ms }) =>
    withInstance(world, instance, ({ process }) => {
      world.tally.count('clocks set');
      process.skewMs += ms;
    }),
  store: (world, { weather, ms }) =>
    during(world, world.storeWeather, weather, ms, 'bad weather of the store'),
  snapshot: (world) => {
    // A program whose database has lost all tables waits for a person.
    if (!world.tables.isMigrated) return;
    world.snapshot = { database: world.database.snapshot(), books: world.books.snapshot() };
    world.note('a snapshot of the database is taken');
  },
  store_back: (world, { isRestore }) => {
    if (world.snapshot === null) return;
    const { database, books } = world.snapshot;
    world.note(`the database goes back to the snapshot${isRestore ? ' by a restore' : ''}`);
    world.tally.count(isRestore ? 'database restored' : 'database went back');
    world.books.wentBack = true;
    world.database.restore(database, { areTablesNew: isRestore, areConnectionsKept: isRestore });
    books();
    world.snapshot = null;
  },
  log: (world, { weather, ms }) => during(world, world.logWeather, weather, ms, 'bad weather of the log'),
  shuffle: (world) => {
    world.note('the group is shuffled');
    world.tally.count('group shuffled');
    world.log.shareOut((_, members) => world.chance.pick(members));
  },
  expel: (world, act) =>
    withInstance(world, act.instance, ({ process }) => {
      world.note(`${process.name} is expelled from the group`);
      world.tally.count('expelled from the group');
      world.log.endSessionOf(process);
    }),
  fence: async (world, act) => {
    const place = partitionOf(world, act.partition);
    if (!world.tables.hasCheckpoint(place)) return;
    world.tally.count('acquired by a stranger');
    await world.fence(place);
  },
  gap: (world, act) => {
    world.tally.count('gaps of offsets');
    partitionOf(world, act.partition).skip(act.offsets);
  },
  spoil: (world, act) => {
    const partition = partitionOf(world, act.partition);
    world.tally.count('record batches spoilt');
    partition.corrupt.add(partition.endOffset);
  },
  retention: (world, act) => {
    const partition = partitionOf(world, act.partition);
    const { startOffset, endOffset } = partition;
    world.tally.count('retention');
    partition.deleteBefore(startOffset + BigInt(Math.floor(Number(endOffset - startOffset) * act.share)));
  },
  leaderless: (world, act) => {
    const partition = partitionOf(world, act.partition);
    world.tally.count('partitions without a leader');
    world.note(`${partitionName(partition)} has no leader`);
    world.log.setLeader(partition, false);
    world.agenda.after(act.ms, () => world.log.setLeader(partition, true));
  },
  election: (world, act) => {
    const partition = partitionOf(world, act.partition);
    world.tally.count(act.loses === 0 ? 'clean elections' : 'unclean elections');
    partition.elect(act.loses);
    world.note(`${partitionName(partition)} has a new leader, and ends at ${partition.endOffset}`);
  },
  more_partitions: (world, { topic }) => {
    const partitions = world.log.partitionsOf(topic).length;
    if (partitions >= 6) return;
    world.tally.count('partitions added');
    world.log.addPartitions(topic, partitions + 1);
  },
  target: (world, { weather, ms }) => {
    world.tally.count(`target: ${weather.trouble}`);
    if (weather.trouble === 'forgets') return world.target.forget();
    world.targetWeather.add(weather);
    world.target.weather = [...world.targetWeather];
    world.agenda.after(ms, () => {
      world.targetWeather.delete(weather);
      world.target.weather = [...world.targetWeather];
    });
  },
  pause: async (world, act) => {
    const { topic, partition } = partitionOf(world, act.partition);
    const parts: Record<typeof act.part, HoldPart> = {
      ingest: { kind: 'ingest' },
      partition: { kind: 'partition', topic, partition },
      target: { kind: 'target', target: TARGET },
    };
    const part = parts[act.part];
    if (!world.tables.isMigrated) return;
    world.tally.count('pauses');
    const isHeld = (await world.operator.listHolds()).some((hold) => partName(hold.part) === partName(part));
    await world.tried(
      isHeld
        ? world.operator.release(part, decision(world, 'enough'))
        : world.operator.hold(part, decision(world, 'a rest')),
    );
  },
  decide: async (world) => {
    if (world.tables.isMigrated) await world.decide();
  },
  job: async (world, { job }) => {
    if (!world.tables.isMigrated) return;
    world.tally.count(`job: ${job}`);
    await createJob(world, job);
  },
  vandal: (world, { order, what }) => {
    if (!world.tables.vandalise(orderIdOf(order), what)) return;
    world.tally.count(`row altered: ${what}`);
    world.books.altered.add(orderIdOf(order));
    world.deliveries.everAltered.add(orderIdOf(order));
  },
};

function withInstance(world: SeededWorld, number: number, act: (instance: Instance) => void): void {
  const { instances } = world;
  const instance = instances[number % Math.max(1, instances.length)];
  if (instance !== undefined) act(instance);
}

function partitionOf(world: SeededWorld, number: number) {
  const { partitions } = world;
  return partitions[number % partitions.length] as (typeof partitions)[number];
}

function during<Weather>(
  world: SeededWorld,
  place: Set<Weather>,
  weather: Weather,
  ms: number,
  what: string,
): void {
  world.tally.count(what);
  world.note(`${what}: ${JSON.stringify(weather)} for ${Math.round(ms)} ms`);
  place.add(weather);
  world.agenda.after(ms, () => place.delete(weather));
}

async function createJob(world: SeededWorld, job: JobAsked): Promise<void> {
  const { operator, agenda } = world;
  if (job === 'cancel') {
    const [last] = await operator.listJobs({ after: null, limit: 1 });
    if (last !== undefined)
      await world.tried(operator.cancelJob({ ...decision(world, 'never mind'), jobId: last.jobId }));
    return;
  }
  const parameters = await parametersOf(world, job);
  if (parameters === null) return;
  if (job === 'quarantine_redrive') world.acceptsMissingKeys = true;
  world.note(`an operator asks for the job ${job}`);
  const asked = operator.createJob({
    jobId: agenda.uuid(),
    createdAtMs: agenda.now(),
    kind: job === 'switch' ? 'rebuild' : job,
    parameters,
    isDryRun: false,
    requestedBy: 'an operator',
    reason: 'asked for',
  });
  await world.tried(asked);
}

const ALL_DELIVERIES: DeliveryFilter = {
  target: TARGET,
  entityId: null,
  status: 'dead',
  lastStatus: null,
  errorPrefix: null,
  dueSinceFromMs: null,
  dueSinceBeforeMs: null,
};

/** What the job has to do; null if there is nothing for it. */
async function parametersOf(
  { operator }: SeededWorld,
  job: Exclude<JobAsked, 'cancel'>,
): Promise<JsonObject | null> {
  switch (job) {
    case 'redrive':
      return { filter: ALL_DELIVERIES };
    case 'verify':
      return { sample: null, perSecond: null, repairs: true, target: null };
    case 'rebuild':
      return { task: 'build', foldVersion: 1 };
    case 'quarantine_redrive':
      return { filters: [{}] };
    case 'switch': {
      const jobs = await operator.listJobs({ after: null, limit: 20 });
      const isSwitched = (jobId: string) =>
        jobs.some(({ state, parameters }) => state !== 'cancelled' && parameters?.rebuildId === jobId);
      const built = jobs.find(
        ({ jobId, kind, state, parameters }) =>
          kind === 'rebuild' && state === 'done' && parameters?.task === 'build' && !isSwitched(jobId),
      );
      return built === undefined ? null : { task: 'switch', rebuildId: built.jobId, keepsFormer: false };
    }
  }
}
