import { basename } from 'node:path';
import { systemClock } from '../../adapters/system-clock.ts';
import type { Domain } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { runCli } from '../shared/cli/cli.ts';
import { EXIT } from '../shared/cli/exit-codes.ts';
import { processHost } from '../shared/cli/process-host.ts';
import type { CliHost, CliSpec } from '../shared/cli/spec.ts';
import { SYNCED_ORDERS, type Synced, syncedOf } from '../shared/settings/synced.ts';
import { commandsOf } from './commands/index.ts';

/** Values of settings, by the names of their variables: `{ ORDER_SYNC_PORT: 4000 }`. */
export type RunSettings = Readonly<Record<string, string | number | boolean>>;

/**
 * Runs the whole program for a domain, as order-sync does for orders: the pipeline, its HTTP API with health and metrics, the
 * console, and all commands of the command line. It reads flags, the environment and the settings file; those win over
 * `settings`, and `settings` win over the defaults. Without any it runs on the embedded log and SQLite, in `.tributary`.
 *
 * Resolves when the program has ended: after SIGINT or SIGTERM, or when its command is done. It never rejects: it writes an error
 * to stderr, and sets `process.exitCode` as docs/errors.md describes.
 *
 * Several domains run side by side in one process. Each has its own store and consumer group, and the next higher port. The
 * text `{domain}` in a variable stands for the name of each domain. The first word of the command line may name one of them.
 */
export async function runSync(
  domains: Domain<unknown, unknown> | readonly Domain<unknown, unknown>[],
  settings: RunSettings = {},
): Promise<void> {
  const invocation = `node ${basename(process.argv[1] ?? 'sync.ts')}`;
  const all = [domains].flat().map((domain) => syncedOf(domain, invocation));
  const host = processHost();
  const [first, ...rest] = host.argv;
  const named = all.find(({ domain }) => all.length > 1 && domain.name === first);
  const runs = named === undefined ? all : [named];
  const argv = named === undefined ? host.argv : rest;
  try {
    if (runs.length > 1) checkSeveral(runs, host);
    const codes = await Promise.all(
      runs.map((synced) => {
        const place = all.indexOf(synced);
        const shared = all.length === 1 ? host : hostFor(synced, place, host, settings);
        return runCli(specOf(synced, settings, shared.env.ORDER_SYNC_TABLE), { ...shared, argv });
      }),
    );
    process.exitCode = codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  } catch (error) {
    if (!(error instanceof TributaryError)) throw error;
    host.stderr.write(`error: ${error.message}\n`);
    process.exitCode = EXIT.usage;
  }
}

/** `table`: the name of the view's table by the environment. */
function specOf(synced: Synced, settings: RunSettings, table: string | undefined): CliSpec<'order-sync'> {
  const commands = commandsOf(systemClock, synced);
  if (synced === SYNCED_ORDERS) return { ...ORDERS_SPEC, commands };
  const { name, noun = 'entity', view } = synced.domain;
  return {
    program: 'order-sync',
    summary: `Journals the events of ${name}, keeps the table ${table ?? settings.ORDER_SYNC_TABLE ?? view.table}, and delivers each ${noun} that is ready.`,
    examples: [
      ['order-sync', 'Sync on the embedded log and store, in .tributary'],
      [
        `KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/${name} order-sync`,
        'Sync on Kafka and MySQL',
      ],
      ['order-sync publish events.jsonl', 'Publish events, to try things out'],
      ['order-sync status', 'Say whether all is well'],
    ],
    commands,
    subject: {
      synced,
      invocation: synced.invocation,
      chosen: Object.fromEntries(
        Object.entries(settings).map(([variable, value]) => [variable, String(value)]),
      ),
    },
  };
}

const ORDERS_SPEC = {
  program: 'order-sync',
  summary:
    'Journals order and payment events, keeps a view of the orders, and delivers those that are ready.',
  examples: [
    ['order-sync', 'Sync on the embedded log and store, in .tributary'],
    [
      'KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://sync:secret@localhost/event_synchronization order-sync',
      'Sync on Kafka and MySQL',
    ],
    ['order-sync partitions', 'Show how far each partition is journaled, and which ones are halted'],
  ],
} as const;

/** Refuses what cannot be meant for several domains at once. */
function checkSeveral(runs: readonly Synced[], { argv, env }: CliHost): void {
  const names = runs.map(({ domain }) => domain.name);
  if (new Set(names).size < names.length)
    throw new TributaryError('usage', `Two domains have the same name: ${names.join(', ')}.`);
  if (argv.length > 0 && argv[0] !== 'run')
    throw new TributaryError(
      'usage',
      `Several domains run here. Name one of them first, as in: ${names[0]} ${argv.join(' ')}. They are ${names.join(', ')}.`,
    );
  const databaseUrl = env.DATABASE_URL ?? '';
  const isShared = env.ORDER_SYNC_TABLE_PREFIX?.includes('{domain}') === true;
  if (databaseUrl !== '' && !databaseUrl.includes('{domain}') && !isShared)
    throw new TributaryError(
      'usage',
      'Several domains run here: write {domain} in the place of the name of the database in DATABASE_URL, or set ' +
        'ORDER_SYNC_TABLE_PREFIX={domain}_ so that they share one.',
    );
}

const PORT = 3000;

/** The environment of one of several domains. Port 0 stays 0, any other port is raised by the place of the domain. */
function hostFor({ domain }: Synced, place: number, host: CliHost, settings: RunSettings): CliHost {
  const env = Object.fromEntries(
    Object.entries(host.env).map(([variable, value]) => [
      variable,
      value?.replaceAll('{domain}', domain.name),
    ]),
  );
  const port = Number(env.ORDER_SYNC_PORT ?? env.PORT ?? settings.ORDER_SYNC_PORT ?? PORT);
  if (Number.isInteger(port) && port > 0) env.ORDER_SYNC_PORT = String(port + place);
  return { ...host, env };
}
