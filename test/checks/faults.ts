/**
 * `npm run check:faults` plays scenarios. Each one causes one fault while the programs run. Afterwards all data must be
 * as the oracle expects, and /readyz must have reported each part that stood still. See docs/checks.md.
 */

import { blackhole } from './faults/blackhole.ts';
import { bomb } from './faults/bomb.ts';
import { clockAhead, clockBehind } from './faults/clocks.ts';
import { failover } from './faults/failover.ts';
import { frozenMgt } from './faults/frozen-mgt.ts';
import { frozenSync } from './faults/frozen-sync.ts';
import { Ground } from './faults/ground.ts';
import { hotEntity } from './faults/hot-entity.ts';
import { leaderless } from './faults/leaderless.ts';
import { logDown } from './faults/log-down.ts';
import { lostView } from './faults/lost-view.ts';
import { misconfiguredTarget } from './faults/misconfigured-target.ts';
import { oneBadOf256 } from './faults/one-bad-of-256.ts';
import { restore } from './faults/restore.ts';
import { retryAfterHour } from './faults/retry-after-hour.ts';
import { DATABASES, type Scenario, type ScenarioFigures } from './faults/scenario.ts';
import { slowTopicTarget } from './faults/slow-topic-target.ts';
import { unclean } from './faults/unclean.ts';
import { unfoldable } from './faults/unfoldable.ts';
import { type Figures, messageOf, RunningCheck, runCommand, UsageError } from './lib/command.ts';

const SCENARIOS: readonly Scenario[] = [
  failover,
  restore,
  frozenSync,
  frozenMgt,
  blackhole,
  leaderless,
  unclean,
  misconfiguredTarget,
  oneBadOf256,
  retryAfterHour,
  clockAhead,
  clockBehind,
  slowTopicTarget,
  logDown,
  bomb,
  lostView,
  unfoldable,
  hotEntity,
];
const NAMES = SCENARIOS.map(({ name }) => name);

await runCommand({
  name: 'faults',
  summary:
    'Plays scenarios, each with one fault while the programs run, and compares all data with the oracle.',
  examples: [
    'npm run check:faults -- --scenario all --database mariadb',
    'npm run check:faults -- --scenario misconfigured-target --database sqlite --events 1000',
  ],
  options: [
    { name: 'scenario', value: 'name,...|all', fallback: 'all', help: `Of ${NAMES.join(', ')}` },
    {
      name: 'database',
      value: 'mariadb|mysql|sqlite',
      fallback: 'mariadb',
      help: 'The database of order-sync',
    },
    {
      name: 'events',
      value: 'number',
      fallback: '3000',
      help: 'The approximate number of events of a scenario',
    },
    {
      name: 'hot-events',
      value: 'number',
      fallback: '1000000',
      help: 'The number of events of one order in hot-entity',
    },
    { name: 'seed', value: 'number', fallback: '1', help: 'The same seed publishes the same events' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const database = check.choice('database', DATABASES);
  const wanted = scenariosOf(check);
  const ground = new Ground(check, database);
  const scenarios: Record<string, ScenarioFigures | { readonly not_applicable: string }> = {};
  const startedAtMs = performance.now();
  const failed: string[] = [];
  for (const scenario of wanted) {
    const reason = scenario.notApplicable(database);
    if (reason !== null) {
      check.progress(`${scenario.name} does not apply to ${database}: ${reason}`);
      scenarios[scenario.name] = { not_applicable: reason };
      continue;
    }
    const figures = await play(check, ground, scenario);
    scenarios[scenario.name] = figures;
    if (!figures.ok) failed.push(scenario.name);
    check.progress(`${scenario.name}: ${figures.ok ? 'ok' : `WRONG: ${figures.wrong.join('; ')}`}`);
  }
  return {
    database,
    scenarios,
    failed,
    seconds: Math.round((performance.now() - startedAtMs) / 1_000),
    seed: check.number('seed'),
    ok: failed.length === 0,
  };
}

function scenariosOf(check: RunningCheck): readonly Scenario[] {
  const text = check.text('scenario');
  if (text === 'all') return SCENARIOS;
  return text.split(',').map((part) => {
    const name = part.trim();
    const found = SCENARIOS.find((scenario) => scenario.name === name);
    if (found === undefined) {
      throw new UsageError(
        `--scenario: there is no scenario "${name}"; there are ${NAMES.join(', ')}, or all`,
      );
    }
    return found;
  });
}

/** Plays one scenario in a scope of its own. The scope closes everything when the scenario ends or fails. */
async function play(check: RunningCheck, ground: Ground, scenario: Scenario): Promise<ScenarioFigures> {
  check.progress(`--- ${scenario.name}: ${scenario.plan}`);
  const scope = new RunningCheck(new Map());
  const interrupt = () => scope.interrupt();
  check.signal.addEventListener('abort', interrupt);
  let timer: NodeJS.Timeout | undefined;
  const startedAtMs = performance.now();
  try {
    await scenario.prepare?.(ground);
    timer = setTimeout(interrupt, scenario.limitSeconds * 1_000);
    const context = {
      check: scope,
      ground,
      events: check.number('events'),
      hotEvents: check.number('hot-events'),
      seed: check.number('seed'),
    };
    const figures = await scenario.run(context);
    return { ...figures, seconds: Math.round((performance.now() - startedAtMs) / 1_000) };
  } catch (error) {
    check.signal.throwIfAborted();
    const isLate = scope.signal.aborted;
    check.progress(error instanceof Error ? (error.stack ?? error.message).slice(0, 3_000) : String(error));
    return brokenOff(isLate ? `not over after ${scenario.limitSeconds} s` : firstLineOf(error));
  } finally {
    clearTimeout(timer);
    check.signal.removeEventListener('abort', interrupt);
    await scope.close();
  }
}

function firstLineOf(error: unknown): string {
  return messageOf(error).split('\n', 1)[0]?.slice(0, 300) ?? '';
}

/** Returns the figures of a scenario that did not reach its end. A figure of -1 is unknown. */
function brokenOff(reason: string): ScenarioFigures {
  return {
    seen: '',
    recovery_seconds: -1,
    lost: -1,
    duplicated: -1,
    divergent: -1,
    target_different: -1,
    parked_wrongly: -1,
    healthy_pause_seconds: -1,
    stood_still_seconds: -1,
    readyz: [],
    wrong: [reason],
    ok: false,
  };
}
