import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../adapters/system-clock.ts';
import { topicsOf } from '../event-producer/publish.ts';
import { startOrderMgt } from '../order-mgt/order-mgt.ts';
import { startOrderSync } from '../order-sync/order-sync.ts';
import { type CommandContext, runCli } from '../shared/cli/cli.ts';
import { EXIT } from '../shared/cli/exit-codes.ts';
import { makeApiKey } from '../shared/http/api-keys.ts';
import { isLoopback } from '../shared/http/loopback.ts';
import { isKafka, openEventLog, sameLogFlags } from '../shared/parts/open-log.ts';
import { commonVariables, loadSettings } from '../shared/settings/load.ts';
import { runDemo } from './demo.ts';
import { lockDataDirectory } from './instance-lock.ts';

process.exitCode = await runCli(
  {
    program: 'tributary',
    summary: 'order-sync and order-mgt in one process, with a few orders to look at.',
    examples: [
      ['npm start', 'Everything on the embedded log and store, in .tributary'],
      ['npm start -- --demo=false', 'Without the demonstration orders'],
      [
        'npm start -- --data-dir /tmp/tributary --order-sync-port 4000 --order-mgt-port 4001',
        'On another data directory and other ports',
      ],
      ['npm run event-producer -- o order123 pa order123', 'In another terminal: publish events'],
    ],
    commands: [
      {
        name: 'start',
        summary: 'Run until stopped (what the program does without a command).',
        examples: [['npm start', 'Everything on the embedded log and store, in .tributary']],
        isDefault: true,
        run: start,
      },
    ],
  },
  {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    exit: (code) => process.exit(code),
  },
);

async function start({
  settings,
  log: logger,
  shutdown,
  host,
}: CommandContext<'tributary'>): Promise<number> {
  const { dataDirectory } = settings;
  // PORT names one port, and here are two servers: it is order-sync's.
  const env = {
    ...host.env,
    ...commonVariables(settings),
    PORT: undefined,
    ORDER_SYNC_PORT: String(settings.orderSyncPort),
    ORDER_MGT_PORT: String(settings.orderMgtPort),
  };
  const { values: syncSettings, warnings } = loadSettings('order-sync', { env });
  const { values: mgtSettings, warnings: mgtWarnings } = loadSettings('order-mgt', { env });
  for (const warning of new Set([...warnings, ...mgtWarnings])) logger('warn', warning);
  const isNew = !existsSync(join(dataDirectory, 'event-log.sqlite'));
  const hasDemo = isNew && settings.demo && !isKafka(settings);
  const unlock = lockDataDirectory(dataDirectory);
  shutdown.defer('the lock of the data directory', unlock);

  // What order-sync and the demonstration read at order-mgt here, they read by a key that lasts as long as they do.
  const ownKey = makeApiKey('own', ['read']).key;
  const orderMgt = await startOrderMgt({
    ...mgtSettings,
    portFlag: 'order-mgt-port',
    // Deliveries from this process are signed with order-sync's secret: by default the target verifies that one.
    secret: mgtSettings.secret ?? syncSettings.targetSecret,
    ownKey,
    log: logger,
  });
  shutdown.defer('order-mgt', () => orderMgt.close());

  let failure: unknown = null;
  const failed = Promise.withResolvers<void>();
  const target =
    host.env.ORDER_SYNC_TARGET_URL === undefined
      ? { targetUrl: `${orderMgt.url}/api/orders`, targetApiKey: syncSettings.targetApiKey ?? ownKey }
      : {};
  const orderSync = await startOrderSync(
    { ...syncSettings, ...target },
    {
      portFlag: 'order-sync-port',
      clock: systemClock,
      logger,
      onFailure(error) {
        failure = error;
        failed.resolve();
      },
    },
  );
  shutdown.defer('order-sync', () => orderSync.close());

  const print = (line: string) => void host.stdout.write(`${line}\n`);
  if (hasDemo) {
    const log = await openEventLog(settings, systemClock, logger);
    shutdown.defer('the log of the demonstration', () => log.close());
    await runDemo({
      log,
      topics: topicsOf(settings),
      clock: systemClock,
      orderMgtUrl: orderMgt.url,
      apiKey: ownKey,
      print,
    });
  }
  print('');
  print(`Tributary runs. Its data is in ${dataDirectory}; stop it with Ctrl-C. In another terminal, try:`);
  print('');
  print(`  ${['npm run event-producer --', ...sameLogFlags(settings), 'o order123 pa order123'].join(' ')}`);
  print(`  ${curlFor(mgtSettings)} '${orderMgt.url}/api/orders/order123?wait=5'`);
  print(`  ${curlFor(syncSettings)} ${orderSync.url}/api/v1/pipeline`);
  print('');

  await Promise.race([shutdown.requested, failed.promise]);
  if (failure !== null) throw failure;
  return EXIT.ok;
}

/** How a person asks a server of these settings. */
function curlFor({ apiKeys, host }: { readonly apiKeys: string | undefined; readonly host: string }): string {
  return apiKeys === undefined && isLoopback(host) ? 'curl' : 'curl -H "authorization: Bearer $KEY"';
}
