// `npm run services -- up|down|status` starts real Kafka, MySQL and MariaDB, which run until `down` stops them.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { loudLine, type ServiceAddresses, type ServiceName, ServiceSet, serviceNames } from './addresses.ts';
import { readEnvironment } from './environment.ts';
import { messageOf } from './errors.ts';
import { askHolder, checkoutFolder, type HolderAnswer, otherHolders, stateFile } from './holder-client.ts';

const exitCodes = { ok: 0, failure: 1, usage: 2, partial: 5 } as const;
const holderTimeoutMs = 15_000;
const holderPauseMs = 100;
/** Chromium is no server. Only the tests of pages run it, so nobody waits for its download here. */
const namesWithoutOption = serviceNames.filter((name) => name !== 'chromium');

const examples = `Examples:
  npm run services -- up                        start all services, print their addresses as shell variables
  eval "$(npm run -s services -- up)"           start all services, set the variables in this shell
  npm run services -- up --only kafka,mariadb   start only these services
  npm run services -- status                    list the running services
  npm run services -- down                      stop the services of this checkout, delete their data
`;

interface Options {
  readonly json?: boolean;
  readonly only?: readonly ServiceName[];
}

function buildProgram(): Command {
  const program = new Command('services')
    .description(
      'Real services for development and tests: from the environment, Docker, or private processes.',
    )
    .addHelpText('beforeAll', examples)
    .exitOverride()
    .showHelpAfterError('(see: npm run services -- --help)');
  const json = ['--json', 'print one JSON object on stdout'] as const;
  program
    .command('up')
    .description('start the services and leave them running')
    .option('--only <names>', `start only these of ${serviceNames.join(', ')}; comma-separated`, parseNames)
    .option(...json)
    .action(up);
  program
    .command('down')
    .description('stop the services that this checkout started, and delete their data')
    .option(...json)
    .action(down);
  program
    .command('status')
    .description('list the running services')
    .option(...json)
    .action(status);
  program.command('hold', { hidden: true }).action(becomeHolder);
  return program;
}

function parseNames(list: string): ServiceName[] {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !serviceNames.includes(name as ServiceName));
  if (unknown.length === 0) return names as ServiceName[];
  throw new InvalidArgumentError(`There is no ${unknown.join(', ')}. There are: ${serviceNames.join(', ')}.`);
}

async function up(options: Options): Promise<void> {
  const environment = readEnvironment();
  const request = { command: 'start', names: options.only ?? namesWithoutOption } as const;
  say('Starting. The first start downloads 130 to 200 MB ...');
  let answer = await askHolder(environment, request);
  if (answer === undefined) {
    await startHolder();
    answer = await askHolder(environment, request);
  }
  if (answer === undefined) throw new Error(`The holder ended; see ${logFile()}`);
  if (answer.error !== undefined) throw new Error(answer.error);
  for (const missing of answer.addresses.missing) say(loudLine(missing));
  const isPartial = answer.addresses.missing.length > 0;
  print(options, { ok: !isPartial, ...answer }, exportLines(answer.addresses));
  say(new ServiceSet(answer.addresses).describe());
  process.exitCode = isPartial ? exitCodes.partial : exitCodes.ok;
}

async function down(options: Options): Promise<void> {
  const answer = await askHolder(readEnvironment(), { command: 'stop' });
  const stopped = namesOf(answer);
  if (answer !== undefined) await untilGone(answer.processId);
  print(options, { ok: true, stopped }, []);
  say(stopped.length === 0 ? 'Nothing of this checkout runs.' : `Stopped: ${stopped.join(', ')}.`);
  await sayOthers();
}

async function status(options: Options): Promise<void> {
  const environment = readEnvironment();
  const answer = await askHolder(environment, { command: 'status' });
  const running = namesOf(answer);
  print(options, { ok: true, running, ...answer }, answer === undefined ? [] : exportLines(answer.addresses));
  if (answer === undefined) say('Nothing of this checkout runs. To start: npm run services -- up');
  else say(`${new ServiceSet(answer.addresses).describe()} (also in ${stateFile(environment)})`);
  await sayOthers();
}

/** Names the services of other checkouts. They keep running, because somebody may be using them. */
async function sayOthers(): Promise<void> {
  for (const { checkout, answer } of await otherHolders(readEnvironment()))
    say(
      `Those of ${checkout} go on: ${namesOf(answer).join(', ')}. To stop them, run "npm run services -- down" there.`,
    );
}

/** Returns shell lines with the settings of the product and the settings that make `npm test` use these services. */
function exportLines(addresses: ServiceAddresses): string[] {
  const lines: string[] = [];
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined) lines.push(`export ${name}=${value}`);
  };
  const database = addresses.mysql ?? addresses.mariadb;
  set('KAFKA_BROKERS', (addresses.kafka ?? addresses.kafka39)?.brokers.join(','));
  set('DATABASE_URL', database?.url);
  if (addresses.mariadb !== undefined && addresses.mysql !== undefined) {
    lines.push(`# or MariaDB: export DATABASE_URL=${addresses.mariadb.url}`);
  }
  set('TEST_KAFKA_BROKERS', addresses.kafka?.brokers.join(','));
  set('TEST_KAFKA39_BROKERS', addresses.kafka39?.brokers.join(','));
  set('TEST_MYSQL_URL', addresses.mysql?.url);
  set('TEST_MARIADB_URL', addresses.mariadb?.url);
  return lines;
}

function namesOf(answer: HolderAnswer | undefined): ServiceName[] {
  return serviceNames.filter((name) => answer?.addresses[name] !== undefined);
}

function print(options: Options, data: object, lines: readonly string[]): void {
  if (options.json) process.stdout.write(`${JSON.stringify(data)}\n`);
  else if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function logFile(): string {
  return join(checkoutFolder(readEnvironment()), 'services.log');
}

/** Loads holder.ts, and with it the clients of Kafka and of the databases, which the other commands do not need. */
async function becomeHolder(): Promise<void> {
  const { hold } = await import('./holder.ts');
  await hold(readEnvironment());
}

/** Starts the background process that holds the services, and waits until it answers. */
async function startHolder(): Promise<void> {
  const environment = readEnvironment();
  mkdirSync(checkoutFolder(environment), { recursive: true });
  const log = openSync(logFile(), 'w');
  const holder = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', import.meta.filename, 'hold'],
    { detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  holder.unref();
  const deadline = Date.now() + holderTimeoutMs;
  while ((await askHolder(environment, { command: 'status' })) === undefined) {
    if (Date.now() > deadline) throw new Error(`The background process does not answer; see ${logFile()}`);
    await sleep(holderPauseMs);
  }
}

async function untilGone(processId: number): Promise<void> {
  for (;;) {
    try {
      process.kill(processId, 0);
    } catch {
      return;
    }
    await sleep(holderPauseMs);
  }
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    say(messageOf(error));
    process.exitCode = exitCodes.failure;
  }
}
