/**
 * `npm run bench -- delivery` measures how many states a second order-sync delivers to an order-mgt that makes each
 * state durable. It sends single states and batches, and compares both with the HTTP client alone. See docs/checks.md.
 */
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { startServices } from '../test/services/index.ts';
import { BareClient, type ClientRates } from './delivery/client-alone.ts';
import { type Delivered, deliverOnce, WAYS, type Way } from './delivery/deliver-once.ts';
import { type Contender, type PreparedLedger, prepareLedger } from './delivery/prepared-ledger.ts';
import { baseCheckout, baseOption } from './lib/base-checkout.ts';
import {
  atLeast,
  type Bench,
  type Measured,
  measuresOf,
  medianOf,
  ROOT,
  ratio,
  versionsOf,
} from './lib/bench.ts';
import type { Bar, Measure } from './lib/result.ts';
import { idsOf } from './lib/workloads.ts';

const LEDGERS = ['embedded', 'mariadb'] as const;
type Ledger = (typeof LEDGERS)[number];
/** The share of the rate of undici alone that order-sync has to reach with one state in a request. */
const SINGLE_SHARE_MIN: Readonly<Record<Ledger, number>> = { embedded: 0.6, mariadb: 0.45 };
const BATCH_STATES_PER_SECOND_MIN = 40_000;
/** The rate of batches into MariaDB has to be this many times that of the base. */
const BASE_TIMES = 1.5;
const RANDOM_SHARE_MIN = 0.9;

export const bench: Bench = {
  name: 'delivery',
  summary: 'States a second from order-sync to a durable order-mgt, compared with the HTTP client alone.',
  examples: [
    'npm run bench -- delivery',
    'npm run bench -- delivery --ledger embedded --way batch --batch-states 300000 --runs 1',
  ],
  options: [
    {
      name: 'ledger',
      value: 'embedded|mariadb|both',
      fallback: 'both',
      help: 'The database of order-sync',
    },
    { name: 'way', value: 'single|batch|both', fallback: 'both', help: 'One state per request, or many' },
    { name: 'single-states', value: 'number', fallback: '100000', help: 'States per run of single requests' },
    { name: 'batch-states', value: 'number', fallback: '200000', help: 'States per run of batches' },
    { name: 'runs', value: 'number', fallback: '3', help: 'Runs of each kind; RESULT has the median' },
    baseOption,
    { name: 'client-seconds', value: 'number', fallback: '3', help: 'Seconds to measure the client alone' },
  ],
  quick: { 'single-states': '10000', 'batch-states': '50000', runs: '1', 'client-seconds': '1' },
  run,
};

/** The figures of one run, and its rate beside that of the client alone. */
type Compared = Delivered & {
  /**
   * The rate as a share of the client's rate through `dispatch`. The client is measured just before and just after the
   * run, because the machine's speed varies; the share uses the mean of both.
   */
  readonly share_of_client: number | null;
  /** The same share of the client's rate through `request`. */
  readonly share_of_request: number | null;
};

async function run(check: RunningCheck): Promise<Measured> {
  const ledgers = chosen(check, 'ledger', LEDGERS);
  const ways = chosen(check, 'way', WAYS);
  const base = baseCheckout(check);
  const client = await BareClient.start(check);
  const measures: Measure[] = [];
  const bars: Bar[] = [];
  const versions: Record<string, string> = base === null ? {} : { base: base.commit };
  const us: Contender = { program: 'order-sync', idOf: idsOf('rising'), checkout: ROOT };
  for (const ledger of ledgers) {
    const contenders = [us];
    if (ledger === 'mariadb') {
      contenders.push({ ...us, program: 'random ids', idOf: idsOf('random') });
      if (base !== null) contenders.push({ ...us, program: 'base', checkout: base.folder });
    }
    const services = ledger === 'embedded' ? null : await startServices({ mariadb: true });
    const stop = check.defer(async () => services?.stop());
    if (services !== null) Object.assign(versions, versionsOf(services));
    const serverUrl = services?.mariadb.url ?? null;
    measures.push(...(await measureLedger(check, client, ledger, serverUrl, contenders, ways)));
    for (const way of ways) bars.push(...barsOf(measures, way, ledger));
    await stop();
  }
  return {
    measures: [...measures, ...client.measures()],
    bars,
    facts: {
      single_states: check.number('single-states'),
      batch_states: check.number('batch-states'),
      runs: check.number('runs'),
    },
    versions,
  };
}

function barsOf(measures: readonly Measure[], way: Way, ledger: Ledger): Bar[] {
  const of = (program: string, figure: string) => medianOf(measures, `${way} ${ledger}`, program, figure);
  const timesOf = (program: string) =>
    ratio(of('order-sync', 'states_per_second'), of(program, 'states_per_second'));
  const bars: Bar[] = [];
  if (way === 'single') {
    const share = of('order-sync', 'share_of_client');
    bars.push(atLeast(`singles, ${ledger}: share of undici alone`, share, SINGLE_SHARE_MIN[ledger]));
  } else if (ledger === 'embedded') {
    const rate = of('order-sync', 'states_per_second');
    bars.push(atLeast('batches, embedded: states a second', rate, BATCH_STATES_PER_SECOND_MIN));
  } else {
    bars.push(atLeast('batches, mariadb: states/s in times of the base', timesOf('base'), BASE_TIMES));
  }
  if (ledger === 'mariadb') {
    const share = ratio(of('random ids', 'states_per_second'), of('order-sync', 'states_per_second'));
    bars.push(
      atLeast(`${way}, mariadb: random ids, share of the rate with rising ids`, share, RANDOM_SHARE_MIN),
    );
  }
  return bars;
}

function chosen<Choice extends string>(
  check: RunningCheck,
  option: string,
  all: readonly Choice[],
): Choice[] {
  const choice = check.choice(option, ['both', ...all]);
  return all.filter((each) => choice === 'both' || choice === each);
}

/** Journals all states of each contender once without sending any, then delivers them once per run, by turns. */
async function measureLedger(
  check: RunningCheck,
  client: BareClient,
  ledger: Ledger,
  serverUrl: string | null,
  contenders: readonly Contender[],
  ways: readonly Way[],
): Promise<Measure[]> {
  const runs = check.number('runs');
  const count = Math.max(...ways.map((way) => check.number(`${way}-states`)));
  const prepared: PreparedLedger[] = [];
  for (const contender of contenders) prepared.push(await prepareLedger(check, serverUrl, contender, count));
  const measures: Measure[] = [];
  for (const way of ways) {
    const states = check.number(`${way}-states`);
    const found = new Map(contenders.map(({ program }) => [program, [] as Compared[]]));
    let before = way === 'single' ? await client.measure() : null;
    for (let number = 1; number <= runs; number++) {
      for (const { contender, folder, settings, kept } of prepared) {
        await kept.restore(states);
        const { checkout, program } = contender;
        const run = await deliverOnce(check, { way, states, folder, settings, number, checkout });
        const after = before === null ? null : await client.measure();
        const shareOf = (name: keyof ClientRates) =>
          before === null || after === null
            ? null
            : (2 * run.states_per_second) / (before[name].posts_per_second + after[name].posts_per_second);
        const compared = {
          ...run,
          share_of_client: shareOf('dispatch'),
          share_of_request: shareOf('request'),
        };
        before = after;
        const left = await kept.left();
        if (left.unsettled !== 0 || left.attempts !== states) {
          throw new Error(`After ${states} states the ledger has ${JSON.stringify(left)}`);
        }
        check.progress(
          `${ledger}, ${way}, ${program}, run ${number} of ${runs}: ${JSON.stringify(compared)}`,
        );
        found.get(program)?.push(compared);
      }
    }
    for (const [program, all] of found) measures.push(...measuresOf(`${way} ${ledger}`, program, all));
  }
  for (const { discard } of prepared) await discard();
  return measures;
}
