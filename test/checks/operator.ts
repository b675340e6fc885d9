/**
 * `npm run check:operator` plays a story of faults with order-sync, and asks by command and over HTTP everything that an
 * operator asks. Each answer is compared with what the story knows. See docs/checks.md.
 */
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { machine } from './lib/process-usage.ts';
import { askDecisions } from './operator/acts/decisions.ts';
import { playOrders } from './operator/acts/orders.ts';
import { playPartition } from './operator/acts/partition.ts';
import { playRefusals } from './operator/acts/refusals.ts';
import { playTarget } from './operator/acts/target.ts';
import { playView } from './operator/acts/view.ts';
import type { Desk } from './operator/desk.ts';
import { embeddedPlace, kafkaPlace, type Place } from './operator/place.ts';
import { setStage } from './operator/stage.ts';

await runCommand({
  name: 'operator',
  summary:
    'Plays a story of faults, asks by command and over HTTP what an operator asks, and compares each answer with the story.',
  examples: ['npm run check:operator', 'npm run check:operator -- --place embedded'],
  options: [
    {
      name: 'place',
      value: 'kafka|embedded|both',
      fallback: 'both',
      help: 'Kafka with a server, everything embedded, or both',
    },
    {
      name: 'database',
      value: 'mariadb|mysql',
      fallback: 'mariadb',
      help: 'The server beside Kafka',
    },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('place', ['both', 'kafka', 'embedded']);
  const server = check.choice('database', ['mariadb', 'mysql']);
  const desks: Record<string, Desk> = {};
  if (chosen !== 'kafka') desks.embedded = await play(check, await embeddedPlace(check));
  if (chosen !== 'embedded') desks[`kafka_${server}`] = await play(check, await kafkaPlace(check, server));
  const sum = (pick: (desk: Desk) => number) =>
    Object.values(desks).reduce((total, desk) => total + pick(desk), 0);
  const most = (pick: (desk: Desk) => number) => Math.round(Math.max(...Object.values(desks).map(pick)));
  const wrong = sum((desk) => desk.wrong);
  return {
    questions: sum((desk) => desk.questions),
    answers: sum((desk) => desk.answers),
    wrong,
    questions_by_place: Object.fromEntries(
      Object.entries(desks).map(([place, { questions }]) => [place, questions]),
    ),
    slowest_api_ms: most(({ slowestApiMs }) => slowestApiMs),
    slowest_command_ms: most(({ slowestCommandMs }) => slowestCommandMs),
    machine: machine(),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok: wrong === 0,
  };
}

async function play(check: RunningCheck, place: Place): Promise<Desk> {
  const stage = await setStage(check, place);
  const acts = { playOrders, playRefusals, playTarget, playPartition, playView, askDecisions };
  for (const [name, act] of Object.entries(acts)) {
    const { questions, wrong } = stage.desk;
    await act(stage);
    const { desk } = stage;
    check.progress(
      `${place.name}, ${name}: ${desk.questions - questions} questions, ${desk.wrong - wrong} wrong`,
    );
  }
  return stage.desk;
}
