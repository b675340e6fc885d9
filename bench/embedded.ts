/**
 * `npm run bench -- embedded` measures how fast order-sync drains full topics on its embedded log and SQLite, beside Emmett's
 * store on SQLite. See docs/checks.md.
 */

import type { RunningCheck } from '../test/checks/lib/command.ts';
import { messageOf } from '../test/checks/lib/command.ts';
import { drainWorkload } from '../test/checks/lib/drain-workload.ts';
import { Oracle, type Topics } from '../test/checks/oracle.ts';
import { EMMETT_WAYS, installEmmett, runEmmett } from './embedded/emmett.ts';
import { baseCheckout, baseOption } from './lib/base-checkout.ts';
import { atLeast, atMost, type Bench, type Measured, measuresOf, medianOf, ratio } from './lib/bench.ts';
import { drainEmbedded, fillEmbeddedLog } from './lib/embedded-drain.ts';
import { versionOf } from './lib/npm-peer.ts';
import type { BenchResult } from './lib/result.ts';

const SUBJECT = 'embedded';
/** The rate of order-sync has to be this many times that of the base, and that of the store of Emmett. */
const BASE_TIMES = 2.5;
const EMMETT_TIMES = 5;
const MEMORY_MAX_MIB = 300;

export const bench: Bench = {
  name: 'embedded',
  summary: "How fast full topics get into SQLite, by order-sync's embedded default and by Emmett's store.",
  examples: ['npm run bench -- embedded', 'npm run bench -- embedded --base HEAD~10 --emmett no'],
  options: [
    { name: 'events', value: 'number', fallback: '500000', help: 'Events in the log' },
    { name: 'emmett-events', value: 'number', fallback: '20000', help: 'Events for Emmett' },
    { name: 'emmett', value: 'yes|no', fallback: 'yes', help: 'Whether Emmett takes part' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each program, by turns' },
    baseOption,
  ],
  quick: { events: '40000', 'emmett-events': '1000', runs: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const events = check.number('events');
  const emmettEvents = check.number('emmett-events');
  const base = baseCheckout(check);
  const full = await fillEmbeddedLog(check, events);
  const versions: Record<string, string> = { sqlite: String(process.versions.sqlite) };
  const missing: BenchResult['missing'] = [];
  const programs = new Map<string, () => Promise<Record<string, number | null>>>();
  programs.set('order-sync', () => drainEmbedded(check, 'order-sync', full));
  if (base !== null) {
    versions.base = base.commit;
    programs.set('base', () => drainEmbedded(check, 'base', full, base.folder));
  }
  if (check.choice('emmett', ['yes', 'no']) === 'yes') {
    try {
      const packages = await installEmmett(check);
      versions.emmett = versionOf(packages, '@event-driven-io/emmett-sqlite');
      const oracle = oracleOf(emmettEvents);
      for (const way of EMMETT_WAYS)
        programs.set(`emmett ${way}`, () => runEmmett(check, packages, way, emmettEvents, oracle));
    } catch (error) {
      missing.push({ peer: 'Emmett', reason: messageOf(error).slice(-300) });
    }
  }
  const found = new Map([...programs.keys()].map((name) => [name, [] as Record<string, number | null>[]]));
  for (let number = 1; number <= check.number('runs'); number++) {
    const turns = [...programs];
    for (const [name, drain] of number % 2 === 1 ? turns : turns.toReversed()) {
      check.signal.throwIfAborted();
      const drained = await drain();
      check.progress(`${name}, run ${number}: ${JSON.stringify(drained)}`);
      found.get(name)?.push(drained);
    }
  }
  const measures = [...found].flatMap(([name, runs]) => measuresOf(SUBJECT, name, runs));
  const rateOf = (name: string) => medianOf(measures, SUBJECT, name, 'events_per_second');
  const highest = (name: string, figure: string) => {
    const measured = measures.find((each) => each.program === name && each.figure === figure);
    return measured === undefined ? null : Math.max(...measured.runs);
  };
  return {
    measures,
    bars: [
      atLeast('events/s in times of the base', ratio(rateOf('order-sync'), rateOf('base')), BASE_TIMES),
      atLeast(
        "events/s in times of Emmett's store",
        ratio(rateOf('order-sync'), rateOf('emmett store')),
        EMMETT_TIMES,
      ),
      atMost('peak memory of order-sync in MiB', highest('order-sync', 'peak_memory_mib'), MEMORY_MAX_MIB),
      ...[...programs.keys()].map((name) => atMost(`wrong rows of ${name}`, highest(name, 'wrong'), 0)),
    ],
    facts: { events, emmett_events: emmettEvents, runs: check.number('runs') },
    versions,
    missing,
  };
}

function oracleOf(events: number): Oracle {
  const topics: Topics = { order: 'order_events', payment: 'payment_events' };
  const oracle = new Oracle(topics);
  for (const record of drainWorkload(events, topics)) oracle.add(record);
  return oracle;
}
