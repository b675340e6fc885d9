/** The parts whose mutants are tested, each by the quick unit tests of its own folder. */
export interface Scope {
  readonly name: string;
  /** Globs of the source files. */
  readonly sources: readonly string[];
  /** Globs of the test files that meet each mutant. */
  readonly tests: readonly string[];
  /** Test files that would take seconds for every mutant. */
  readonly leftOut: readonly string[];
  /** A test that hangs fails after this time. Default: 30 s. */
  readonly testTimeoutMs?: number;
}

/** The time limit of a test where none takes more than a second or two. Some mutants make loops wait for ever. */
const QUICK_MS = 6_000;

function folder(
  name: string,
  { leftOut = [], testTimeoutMs }: { leftOut?: readonly string[]; testTimeoutMs?: number } = {},
): Scope {
  return {
    name,
    sources: [`src/${name}/**/*.ts`],
    tests: [`test/${name}/**/*.test.ts`],
    leftOut: leftOut.map((file) => `test/${name}/${file}.test.ts`),
    ...(testTimeoutMs === undefined ? {} : { testTimeoutMs }),
  };
}

/** The files that plan the statements and packets of MySQL and MariaDB, without a connection. */
const PLANNERS = ['parameter-writer', 'rows-statement', 'segments'];

/** The files that put the whole pipeline together. Their tests run all of it, which takes seconds for every mutant. */
const WHOLE = ['sync', 'store-loops'];
const WHOLE_TESTS = [
  'test/pipeline/sync{,-defects,-holds,-loops,-parts,-schemas,-seams,-start,-view}.test.ts',
];

export const SCOPES: readonly Scope[] = [
  folder('core'),
  {
    name: 'planners',
    sources: PLANNERS.map((file) => `src/adapters/mysql/${file}.ts`),
    tests: PLANNERS.map((file) => `test/adapters/mysql/${file}.test.ts`),
    leftOut: [],
    testTimeoutMs: QUICK_MS,
  },
  folder('pipeline/decode'),
  folder('pipeline/deliver', {
    leftOut: ['pace'],
    testTimeoutMs: QUICK_MS,
  }),
  folder('pipeline/status'),
  folder('pipeline/verify', { leftOut: ['verifier'], testTimeoutMs: QUICK_MS }),
  folder('pipeline/reconcile', { testTimeoutMs: QUICK_MS }),
  folder('pipeline/jobs', { testTimeoutMs: QUICK_MS }),
  folder('pipeline/ask', { testTimeoutMs: QUICK_MS }),
  folder('pipeline/rebuild', { testTimeoutMs: QUICK_MS }),
  folder('pipeline/ingest', {
    leftOut: [
      'defects',
      'restore-guard',
      'faults',
      'went-back',
      'convergence',
      'guesses',
      'plan.pairs',
      'holds',
      'long-histories',
      'halts',
    ],
  }),
  {
    name: 'pipeline/top',
    sources: [`src/pipeline/!(${WHOLE.join('|')}).ts`],
    tests: ['test/pipeline/*.test.ts'],
    leftOut: WHOLE_TESTS,
    testTimeoutMs: QUICK_MS,
  },
  {
    name: 'pipeline/sync',
    sources: WHOLE.map((file) => `src/pipeline/${file}.ts`),
    tests: WHOLE_TESTS,
    leftOut: ['sync', 'sync-holds'].map((file) => `test/pipeline/${file}.test.ts`),
  },
];
