/**
 * `npm run check:twins` plays the same seeded histories of calls on the twins of the simulation and on the real stores and
 * logs. Every answer and the whole content at the end must be the same. See docs/checks.md.
 */
import { startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand, UsageError } from './lib/command.ts';
import { openPart, PARTS, type PartName, SERVICE_OF, SERVICES, SIDE_BY_SIDE } from './twins/parts.ts';
import { FAST_FOLDER } from './twins/real-logs.ts';
import { compareMany, type Found, type OpenedPart } from './twins/run.ts';

const PROGRESS_EVERY = 500;

await runCommand({
  name: 'twins',
  summary:
    'Plays the same seeded histories of calls on the twins of the simulation and on the real stores and logs: every answer must be the same.',
  examples: [
    'npm run check:twins',
    'npm run check:twins -- --with sqlite --histories 10000',
    'npm run check:twins -- --with mariadb --seed 4711',
  ],
  options: [
    { name: 'with', value: `${PARTS.join('|')}|all`, fallback: 'all', help: 'The real parts' },
    { name: 'histories', value: 'number', fallback: '300', help: 'The number of histories for each part' },
    { name: 'from', value: 'seed', fallback: '1', help: 'The seed of the first history' },
    { name: 'seed', value: 'number', fallback: '0', help: 'Plays this history alone, and prints its calls' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('with', [...PARTS, 'all']);
  const parts = chosen === 'all' ? PARTS : [chosen];
  const seed = wholeNumber(check, 'seed');
  const from = seed === 0 ? wholeNumber(check, 'from') : seed;
  const histories = seed === 0 ? wholeNumber(check, 'histories') : 1;
  // The servers keep their files where they wait for no disk.
  process.env.TMPDIR = FAST_FOLDER;
  const wanted = parts.flatMap((part) => SERVICE_OF[part] ?? []);
  const services = await startServices(Object.fromEntries(wanted.map((name) => [name, SERVICES[name]])));
  check.defer(() => services.stop());
  check.progress(services.describe());

  const calls: Record<string, number> = {};
  const figures: Record<string, unknown> = {};
  let differences = 0;
  let played = 0;
  for (const name of parts) {
    const begunAt = performance.now();
    const opened: OpenedPart[] = [];
    const close = check.defer(async () => {
      for (const part of opened) await part.close();
    });
    for (let count = Math.min(SIDE_BY_SIDE[name], histories); count > 0; count--)
      opened.push(await openPart(name, () => services));
    const result = await compareMany(opened, {
      from,
      histories,
      signal: check.signal,
      onLine: seed === 0 ? () => {} : (line) => process.stdout.write(`${line}\n`),
      onFound: (found) => explain(name, found),
      onProgress: (count) => {
        if (count % PROGRESS_EVERY === 0) check.progress(`${name}: ${count} of ${histories} histories`);
      },
    });
    await close();
    const seconds = Math.round((performance.now() - begunAt) / 100) / 10;
    check.progress(`${name}: ${result.histories} histories, ${result.differences} differences, ${seconds} s`);
    figures[`${name}_histories`] = result.histories;
    figures[`${name}_differences`] = result.differences;
    figures[`${name}_seconds`] = seconds;
    played += result.histories;
    differences += result.differences;
    for (const [kind, count] of result.calls) calls[kind] = (calls[kind] ?? 0) + count;
  }
  return {
    histories: played,
    ...figures,
    calls,
    differences,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    ok: differences === 0 && played === histories * parts.length && !check.signal.aborted,
  };
}

function wholeNumber(check: RunningCheck, option: string): number {
  const value = check.number(option);
  if (!Number.isInteger(value))
    throw new UsageError(`--${option} takes a whole number, not "${check.text(option)}"`);
  return value;
}

function explain(name: PartName, { seed, difference, lines: calls }: Found): void {
  const { call, question, twin, real } = difference;
  const what =
    call === 'contents'
      ? 'The contents differ at the end'
      : `The call "${call.kind}" is answered differently`;
  const lines = [
    ...calls,
    '',
    `${what}. Seed ${seed}, ${name}:`,
    `  ${question}`,
    `  the twin: ${twin}`,
    `  ${name}: ${real}`,
    `Play it again: npm run check:twins -- --with ${name} --seed ${seed}`,
    '',
  ];
  process.stdout.write(lines.join('\n'));
}
