/**
 * `npm run check:first-day` types the mistakes of a first hour with Tributary, each into a real terminal of its own. The
 * answer must name the remedy. See docs/checks.md.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../services/ports.ts';
import { SLIPS, type Slip } from './first-day/slips.ts';
import { Typed, terminalOfThisMachine } from './first-day/terminal.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';

const repository = join(import.meta.dirname, '..', '..');
/** Variables that are removed: a newcomer's shell has no settings of the product, and npm's variables change answers. */
const NOT_A_NEWCOMERS =
  /^(ORDER_SYNC_|ORDER_MGT_|EVENT_PRODUCER_|TRIBUTARY_|KAFKA_|TEST_|npm_|DATABASE_URL$|PORT$|ORDER_TOPIC$|PAYMENT_TOPIC$|LOG_LEVEL$|NO_COLOR$|FORCE_COLOR$|INIT_CWD$)/;
const ANSWER_MS = 300_000;
/** No answer may contain a stack trace, `undefined` or `[object Object]`. */
const NEVER = [/^\s+at .*:\d+:\d+\)?$/m, /\bundefined\b/, /\[object Object\]/];

class FirstDay {
  readonly #check: RunningCheck;
  readonly #wrap: NonNullable<ReturnType<typeof terminalOfThisMachine>>;
  readonly #places: ReadonlyMap<string, string>;
  readonly #env: Readonly<Record<string, string>>;
  readonly wrong: { typed: string; why: string; answer: string }[] = [];
  slips = 0;
  skipped = 0;

  constructor(
    check: RunningCheck,
    wrap: NonNullable<ReturnType<typeof terminalOfThisMachine>>,
    places: ReadonlyMap<string, string>,
  ) {
    this.#check = check;
    this.#wrap = wrap;
    this.#places = places;
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_A_NEWCOMERS.test(name));
    this.#env = {
      ...(Object.fromEntries(inherited) as Record<string, string>),
      TERM: 'xterm',
      TRIBUTARY_DATA_DIR: places.get('DATA') ?? '',
      ORDER_SYNC_PORT: places.get('SYNC') ?? '',
      ORDER_MGT_PORT: places.get('MGT') ?? '',
    };
  }

  /** Types a line. `env` overrides the environment of the check. */
  type(line: string, env: Readonly<Record<string, string>> = {}): Typed {
    const typed = new Typed(this.#wrap, this.#own(line), repository, { ...this.#env, ...env });
    this.#check.defer(() => {
      if (!typed.hasEnded) typed.kill();
    });
    return typed;
  }

  async slip(slip: Slip): Promise<void> {
    if (slip.needs !== undefined && spawnSync(slip.needs, ['--version']).error !== undefined) {
      this.#check.progress(`skipped, because this machine has no ${slip.needs}: ${slip.typed}`);
      this.skipped++;
      return;
    }
    const typed = this.type(slip.typed);
    const code = await Promise.race([typed.ended, sleep(ANSWER_MS, 'late' as const)]);
    if (code === 'late') typed.kill();
    const answer = typed.shown.trim();
    const missing = slip.names.find((name) => !this.#isNamed(name, answer));
    const never = NEVER.find((pattern) => pattern.test(answer));
    let why: string | null = null;
    if (code === 'late') why = `no answer in ${ANSWER_MS / 1_000} s`;
    else if (missing !== undefined) why = `the answer does not name ${missing}`;
    else if (never !== undefined) why = `the answer contains ${never}`;
    else if (code !== slip.exit) why = `the exit code is ${code}, not ${slip.exit}`;
    this.note(slip.typed, why, answer);
  }

  note(typed: string, why: string | null, answer: string): void {
    this.slips++;
    const shown = answer
      .split('\n')
      .slice(0, 6)
      .map((line) => `    ${line.slice(0, 300)}`)
      .join('\n');
    this.#check.progress(
      `$ ${this.#own(typed)}\n${shown}\n    ${why === null ? 'names the remedy' : `WRONG: ${why}`}`,
    );
    if (why !== null) this.wrong.push({ typed, why, answer: answer.slice(0, 500) });
  }

  #isNamed(name: RegExp, answer: string): boolean {
    return new RegExp(this.#own(name.source), name.flags).test(answer);
  }

  #own(text: string): string {
    let own = text;
    for (const [name, place] of this.#places) own = own.replace(new RegExp(`\\b${name}\\b`, 'g'), place);
    return own;
  }
}

async function run(check: RunningCheck): Promise<Figures> {
  const wrap = terminalOfThisMachine();
  if (wrap === null)
    throw new Error('A pseudo-terminal needs util-linux (script) or python3: install one of them.');
  const folder = check.temporaryFolder();
  const places = new Map([
    ['DATA', join(folder, 'data')],
    ['OTHER', join(folder, 'other')],
    ['SYNC', String(await freePort())],
    ['MGT', String(await freePort())],
  ]);
  const day = new FirstDay(check, wrap, places);
  for (const slip of SLIPS.before) {
    check.signal.throwIfAborted();
    await day.slip(slip);
  }
  // The answers to these lines do not depend on earlier lines, so several are typed at the same time.
  const words = [...SLIPS.words];
  const typeOn = async () => {
    for (let slip = words.shift(); slip !== undefined; slip = words.shift()) {
      check.signal.throwIfAborted();
      await day.slip(slip);
    }
  };
  await Promise.all(Array.from({ length: check.number('at-once') }, typeOn));
  // npm start runs its demonstration only on a new data directory.
  places.set('DATA', join(folder, 'data-2'));
  const hour = new FirstDay(check, wrap, places);
  hour.slips = day.slips;
  hour.skipped = day.skipped;
  hour.wrong.push(...day.wrong);
  const start = hour.type('npm start');
  await until(() => start.shown.includes('/api/v1/pipeline') || start.hasEnded, check);
  hour.note('npm start', start.hasEnded ? 'it ended' : null, start.shown.split('\n').slice(-12).join('\n'));
  await pasteHints(hour, start.shown);
  for (const slip of SLIPS.beside) {
    check.signal.throwIfAborted();
    await hour.slip(slip);
  }
  start.interrupt();
  const code = await Promise.race([start.ended, sleep(ANSWER_MS, 'late' as const)]);
  hour.note('Ctrl-C', code === 130 ? null : `npm start ended with ${code}, not 130`, start.shown.slice(-300));
  for (const slip of SLIPS.after) await hour.slip(slip);
  await colors(hour);
  for (const { typed, why } of hour.wrong) process.stderr.write(`wrong: ${typed}: ${why}\n`);
  return {
    slips: hour.slips,
    skipped: hour.skipped,
    wrong: hour.wrong.length,
    wrong_slips: hour.wrong.map(({ typed, why }) => `${typed}: ${why}`),
    ok: hour.wrong.length === 0 && hour.slips >= 40,
  };
}

/** Pastes the commands that `npm start` prints into a terminal without the settings of the first one. */
async function pasteHints(hour: FirstDay, shown: string): Promise<void> {
  const [publish, read] = [/^ {2}(npm run event-producer .*)$/m, /^ {2}(curl '.*)$/m].map(
    (pattern) => pattern.exec(shown)?.[1] ?? 'false',
  );
  const bare = { TRIBUTARY_DATA_DIR: '', ORDER_SYNC_PORT: '', ORDER_MGT_PORT: '' };
  const published = hour.type(publish ?? 'false', bare);
  await published.ended;
  const answer = hour.type(read ?? 'false', bare);
  await answer.ended;
  const isThere = answer.shown.includes('"order_id":"order123"') && answer.shown.includes('"version":2');
  hour.note(
    `${publish}; ${read}`,
    isThere ? null : 'the second command does not show the order that the first one published',
    `${published.shown}\n${answer.shown}`,
  );
}

/** Checks that log lines have colours on a terminal, and none with NO_COLOR=1. */
async function colors(hour: FirstDay): Promise<void> {
  for (const [line, isColored] of [
    ['npm run -s order-sync -- --data-dir OTHER', true],
    ['NO_COLOR=1 npm run -s order-sync -- --data-dir OTHER', false],
  ] as const) {
    const typed = hour.type(line);
    const until = Date.now() + ANSWER_MS;
    while (!typed.shown.includes('order-sync works on') && !typed.hasEnded && Date.now() < until)
      await sleep(50);
    typed.interrupt();
    await Promise.race([typed.ended, sleep(ANSWER_MS)]);
    const why = typed.hasColors === isColored ? null : isColored ? 'it has no colours' : 'it has colours';
    hour.note(line, why, typed.shown.slice(0, 300));
  }
}

async function until(isSo: () => boolean, check: RunningCheck): Promise<void> {
  const giveUpAt = Date.now() + ANSWER_MS;
  while (!isSo() && Date.now() < giveUpAt) {
    check.signal.throwIfAborted();
    await sleep(50);
  }
}

await runCommand({
  name: 'first-day',
  summary:
    "Types the mistakes of a newcomer's first hour into a real terminal: each answer must name the remedy.",
  examples: ['npm run check:first-day', 'npm run check:first-day -- --at-once 1'],
  options: [
    { name: 'at-once', value: 'number', fallback: '4', help: 'Lines that are typed at the same time' },
  ],
  run,
});
