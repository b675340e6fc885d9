import { Chance } from '../scheduler.ts';
import {
  type Act,
  type Happening,
  type History,
  type Shape,
  type StoreCode,
  TARGET_TROUBLES,
} from './history.ts';
import { ORDERS, PAYMENTS, POISON, type RecordSpec, STATUSES, type Status } from './records.ts';

export type Size = 'small' | 'medium' | 'large';

/** Draws a history. The same seed gives the same one. */
export function drawHistory(seed: number, size: Size): History {
  const chance = new Chance(seed);
  const shape = drawShape(chance, size);
  const records = drawRecords(chance, size);
  const publishing = drawPublishing(chance, records, size);
  const acts = [...publishing, ...drawTroubles(chance, shape, size, publishing)];
  acts.sort((left, right) => left.atMs - right.atMs);
  // Only a sweep finds out that the target holds another state under a version: the database has given the version twice,
  // or somebody has altered the row before it was sent.
  const isSwept = shape.isSwept || acts.some(({ kind }) => kind === 'store_back' || kind === 'vandal');
  // Where no other state is accepted meanwhile, a refused one is given up only after all of its attempts.
  const maxAttempts = isSwept ? Math.min(shape.delivery.maxAttempts, 4) : shape.delivery.maxAttempts;
  return { seed, shape: { ...shape, isSwept, delivery: { ...shape.delivery, maxAttempts } }, acts };
}

function drawShape(chance: Chance, size: Size): Shape {
  const isSmall = size === 'small';
  return {
    partitions: { orders: chance.integer(1, isSmall ? 2 : 4), payments: chance.integer(1, isSmall ? 2 : 4) },
    instances: chance.pick(isSmall ? [1, 1, 1, 2] : [1, 2, 3]),
    lanes: chance.integer(1, isSmall ? 2 : 4),
    batchEvents: chance.pick(isSmall ? [1, 3, 100] : [5, 40, 200, 1_000]),
    cacheEvents: chance.pick(isSmall ? [0, 4, 1_000] : [0, 50, 400, 10_000]),
    maxBufferedBytes: chance.pick([1 << 12, 1 << 16, 1 << 20]),
    fetchRecords: chance.pick(isSmall ? [1, 3, 100] : [1, 7, 40, 300]),
    logMs: chance.pick([1, 4, 30]),
    storeMs: chance.pick([0, 1, 1, 20]),
    targetMs: chance.pick([1, 5, 60]),
    delivery: {
      concurrency: chance.pick([1, 2, 8, 64]),
      maxBatch: chance.pick([1, 1, 4, 64]),
      maxAttempts: chance.pick([2, 4, 24]),
      ...(isSmall
        ? { leaseMs: 3_000, holdMs: 500 }
        : { leaseMs: chance.pick([20_000, 45_000]), holdMs: 5_000 }),
    },
    targetSlowMs: isSmall ? 1_000 : 8_000,
    sessionMs: chance.pick(isSmall ? [300, 1_000, 3_000] : [3_000, 10_000]),
    restartMs: chance.pick([100, 1_000]),
    isSwept: chance.happens(isSmall ? 0.3 : 0.5),
    hasJobs: chance.happens(isSmall ? 0.3 : 0.5),
  };
}

function drawRecords(chance: Chance, size: Size): RecordSpec[] {
  const counts = { small: [1, 8], medium: [20, 120], large: [300, 2_500] } as const;
  const [least, most] = counts[size];
  const count = chance.integer(least, most);
  const orders = size === 'small' ? chance.integer(1, 3) : chance.pick([2, 10, 100, count]);
  const [hasRevisions, isCareless, isHot] = [chance.happens(0.3), chance.happens(0.2), chance.happens(0.2)];
  const hasPoison = chance.happens(0.15);
  const minutes = new Map<number, number>();
  const records: RecordSpec[] = [];
  for (let made = 0; made < count; made++) {
    if (records.length > 0 && chance.happens(0.12)) {
      records.push(again(chance, chance.pick(records)));
      continue;
    }
    const order = isHot && chance.happens(0.6) ? 0 : chance.integer(0, orders - 1);
    const step = minutes.get(order) ?? 0;
    minutes.set(order, step + 1);
    const spec = drawRecord(chance, order, step, hasRevisions);
    const noted = hasPoison && chance.happens(0.1) ? { ...spec, note: POISON } : spec;
    records.push(isCareless ? { ...noted, stray: chance.integer(0, 3) } : noted);
  }
  const disorder = chance.pick([0, 3, 40, 1_000]);
  return records
    .map((spec, index) => ({ spec, place: index + chance.number() * disorder }))
    .sort((left, right) => left.place - right.place)
    .map(({ spec }) => spec);
}

function drawRecord(chance: Chance, order: number, step: number, hasRevisions: boolean): RecordSpec {
  if (chance.happens(0.04)) return { order, status: 'broken', minute: step };
  const status: Status =
    step === 0 && chance.happens(0.7) ? 'created' : step === 1 ? chance.pick(STATUSES) : drawStatus(chance);
  return {
    order,
    status,
    // Without revisions, stage and caution decide between events of one moment.
    minute: hasRevisions ? step : chance.integer(0, Math.max(2, step)),
    ...(hasRevisions && chance.happens(0.8) ? { revision: step + 1 } : {}),
    ...(chance.happens(0.25) ? { eventId: `event-${step >> 1}` } : {}),
    ...(chance.happens(0.2) ? { note: step } : {}),
    ...(chance.happens(0.04) ? { isKeyless: true } : {}),
  };
}

function drawStatus(chance: Chance): Status {
  return chance.pick(['created', 'authorised', 'authorised', 'pending', 'accepted', 'declined']);
}

/** The same event once more: its bytes, other spaces, or other content under the same id. */
function again(chance: Chance, spec: RecordSpec): RecordSpec {
  const { isSpacedOut: _, isKeyless: __, ...rest } = spec;
  if (spec.status === 'broken') return spec;
  if (chance.happens(0.2)) return { ...rest, note: chance.integer(100, 110) };
  return chance.happens(0.3) ? { ...rest, isSpacedOut: true } : rest;
}

function drawPublishing(chance: Chance, records: readonly RecordSpec[], size: Size): Act[] {
  const acts: Act[] = [];
  const portion = chance.pick(size === 'small' ? [1, 3, 8] : [5, 40, 400]);
  const pauseMs = chance.pick([0, 5, 200, 400]);
  // All of it may be there before the first instance starts, as when a log is read for the first time.
  let atMs = chance.pick([0, 0, 50, 400]);
  for (let from = 0; from < records.length; ) {
    const to = from + chance.integer(1, portion);
    acts.push({ atMs, kind: 'publish', records: records.slice(from, to) });
    from = to;
    atMs += chance.number() * 2 * pauseMs;
  }
  return acts;
}

function drawTroubles(chance: Chance, shape: Shape, size: Size, publishing: readonly Act[]): Act[] {
  const counts = { small: [0, 3], medium: [0, 10], large: [0, 16] } as const;
  const [least, most] = counts[size];
  const count = chance.integer(least, most);
  const spanMs = chance.pick(size === 'small' ? [30, 100, 300, 1_000, 5_000] : [300, 3_000, 15_000]);
  const kinds = drawKinds(chance, shape);
  return Array.from({ length: count }, () => ({
    // Most strike while records are under way.
    atMs: chance.happens(0.7)
      ? chance.pick(publishing).atMs + chance.number() * JUST_AFTER_MS
      : chance.number() * spanMs,
    ...chance.pick(kinds)(chance),
  })).flatMap((act) => withItsEnd(chance, act));
}

/** A pause ends sometime, and a store goes back to an earlier snapshot. */
function withItsEnd(chance: Chance, act: Act): Act[] {
  const later = act.atMs + chance.number() * 5_000;
  if (act.kind === 'store_back')
    return [
      { kind: 'snapshot', atMs: act.atMs },
      { ...act, atMs: later },
    ];
  if (act.kind === 'pause') return [act, { ...act, atMs: later }];
  if (act.kind === 'spoil' || act.kind === 'election' || act.kind === 'retention')
    return [act, { kind: 'decide', atMs: later }];
  return [act];
}

/** Records that were published are committed and sent within about this time. */
const JUST_AFTER_MS = 60;

type Draw = (chance: Chance) => Happening;

/** Each world has only some kinds of trouble, so that what is rare together comes together sometimes. */
function drawKinds(chance: Chance, { isSwept, hasJobs }: Shape): Draw[] {
  const optional: Draw[] = [...(isSwept ? SWEPT : []), ...(hasJobs ? JOBS : [])];
  const all = [...TROUBLES, ...optional];
  const some = chance.shuffled(all).slice(0, chance.integer(1, 5));
  return chance.happens(0.3) ? all : some;
}

const partition = (chance: Chance) => ({ partition: chance.integer(0, 7) });
const instance = (chance: Chance) => ({ instance: chance.integer(0, 2) });
const duration = (chance: Chance) => chance.number() * chance.pick([20, 50, 500, 2_000, 20_000]);
const code = (chance: Chance): StoreCode =>
  chance.pick(['store_busy', 'store_busy', 'store_unreachable', 'store_failed']);

/** Within this time a small history has a COMMIT or two, which a shorter trouble would miss. */
const COMMITS_COME_MS = 1_000;
const CALM_STORE = {
  slowMs: 0,
  refuses: 0,
  code: 'store_busy',
  losesCommits: 0,
  breaksOff: 0,
  only: '',
} as const;

const TROUBLES: readonly Draw[] = [
  () => ({ kind: 'start' }),
  (chance) => ({ kind: 'stop', ...instance(chance) }),
  (chance) => ({ kind: 'kill', ...instance(chance), afterSteps: chance.integer(0, 30) }),
  (chance) => ({ kind: 'kill', ...instance(chance), afterSteps: chance.integer(0, 6) }),
  (chance) => ({
    kind: 'freeze',
    ...instance(chance),
    ms: duration(chance) * 2,
    inCommit: chance.happens(0.5),
  }),
  (chance) => ({
    kind: 'clock',
    ...instance(chance),
    ms: chance.pick([-1, 1]) * chance.pick([500, 60_000, 7_200_000]),
  }),
  (chance) => ({ kind: 'store', ms: duration(chance), weather: drawStoreWeather(chance) }),
  (chance) => ({ kind: 'store', ms: duration(chance), weather: drawStoreWeather(chance) }),
  (chance) => ({
    kind: 'store',
    ms: duration(chance) + COMMITS_COME_MS,
    weather: { ...CALM_STORE, losesCommits: chance.pick([0.5, 1]) },
  }),
  (chance) => ({ kind: 'store_back', isRestore: chance.happens(0.3) }),
  (chance) => ({ kind: 'log', ms: duration(chance), weather: drawLogWeather(chance) }),
  () => ({ kind: 'shuffle' }),
  () => ({ kind: 'shuffle' }),
  (chance) => ({ kind: 'expel', ...instance(chance) }),
  (chance) => ({ kind: 'fence', ...partition(chance) }),
  (chance) => ({ kind: 'gap', ...partition(chance), offsets: chance.integer(1, 20) }),
  (chance) => ({ kind: 'spoil', ...partition(chance) }),
  (chance) => ({ kind: 'retention', ...partition(chance), share: chance.number() }),
  (chance) => ({ kind: 'leaderless', ...partition(chance), ms: duration(chance) }),
  (chance) => ({ kind: 'election', ...partition(chance), loses: chance.pick([0, 0, 1, 5]) }),
  (chance) => ({ kind: 'more_partitions', topic: chance.pick([ORDERS, PAYMENTS]) }),
  drawTargetTrouble,
  drawTargetTrouble,
  drawTargetTrouble,
  (chance) => ({ kind: 'pause', part: chance.pick(['ingest', 'partition', 'target']), ...partition(chance) }),
  (chance) => ({
    kind: 'vandal',
    order: chance.integer(0, 3),
    what: chance.pick(['row_gone', 'row_altered']),
  }),
];
const SWEPT: readonly Draw[] = [
  (chance) => ({
    kind: 'target',
    ms: duration(chance),
    weather: { trouble: chance.pick(['lies', 'forgets']), chance: 0.5, orders: [] },
  }),
];
const JOBS: readonly Draw[] = [
  (chance) => ({
    kind: 'job',
    job: chance.pick(['redrive', 'verify', 'rebuild', 'switch', 'quarantine_redrive', 'cancel']),
  }),
];

/** How the names of statements begin that can be struck alone. */
const STATEMENTS = [
  'read',
  'read versions',
  'lock rows',
  'write rows',
  'insert events',
  'move a checkpoint',
  'raise the epoch',
  'halt',
  'take deliveries',
  'settle deliveries',
  'record attempts',
  'give deliveries back',
  'quarantine records',
  'save a job',
];

function drawStoreWeather(chance: Chance) {
  return {
    slowMs: chance.pick([0, 0, 50, 1_000]),
    refuses: chance.pick([0, 0.05, 0.5, 1]),
    code: code(chance),
    losesCommits: chance.pick([0, 0.3, 0.6, 1]),
    breaksOff: chance.pick([0, 0, 0.05, 0.3]),
    only: chance.pick(['', '', 'COMMIT', 'COMMIT', ...STATEMENTS]),
  };
}

function drawLogWeather(chance: Chance) {
  return { slowMs: chance.pick([0, 100, 3_000]), refuses: chance.pick([0, 0.3, 1]) };
}

function drawTargetTrouble(chance: Chance): Happening {
  const trouble = chance.pick(TARGET_TROUBLES.filter((each) => each !== 'lies' && each !== 'forgets'));
  const orders = chance.happens(0.4) ? [chance.integer(0, 3)] : [];
  return {
    kind: 'target',
    ms: duration(chance),
    weather: { trouble, chance: chance.pick([0.3, 1]), orders },
  };
}
