import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../ports/clock.ts';
import { topicsOf } from '../../event-producer/publish.ts';
import { startOrderMgt } from '../../order-mgt/order-mgt.ts';
import { CONSOLE_PLACE } from '../../order-sync/console/console-build.ts';
import { startOrderSync } from '../../order-sync/order-sync.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext } from '../../shared/cli/spec.ts';
import { makeApiKey } from '../../shared/http/api-keys.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import { isKafka, openEventLog, sameLogFlags } from '../../shared/parts/open-log.ts';
import { commonVariables, loadSettings } from '../../shared/settings/load.ts';
import { runDemo } from '../demo.ts';
import { lockDataDirectory } from '../instance-lock.ts';
import { isGiven, startedEntries } from '../started-entries.ts';

export async function runStart(clock: Clock, context: CommandContext<'tributary'>): Promise<number> {
  return start(context, clock);
}

async function start(
  { settings, settingEntries, logger, shutdown, host }: CommandContext<'tributary'>,
  clock: Clock,
): Promise<number> {
  const { dataDirectory } = settings;
  // PORT names one port, but there are two servers. It is the port of order-sync.
  const env = {
    ...host.env,
    ...commonVariables(settings),
    PORT: undefined,
    ORDER_SYNC_PORT: String(settings.orderSyncPort),
    ORDER_MGT_PORT: String(settings.orderMgtPort),
  };
  const { values: syncSettings, entries, warnings } = loadSettings('order-sync', { env });
  const { values: mgtSettings, warnings: mgtWarnings } = loadSettings('order-mgt', { env });
  for (const warning of new Set([...warnings, ...mgtWarnings])) logger('warn', warning);
  const isNew = !existsSync(join(dataDirectory, 'event-log.sqlite'));
  const hasDemo = isNew && settings.demo && !isKafka(settings);
  const unlock = lockDataDirectory(dataDirectory);
  shutdown.defer('the lock of the data directory', unlock);

  // order-sync and the demonstration read at order-mgt by a key that exists only while this process runs.
  const ownKey = makeApiKey('own', ['read']).key;
  const orderMgt = await startOrderMgt({
    ...mgtSettings,
    portFlag: 'order-mgt-port',
    // order-sync signs deliveries with its secret. By default the target verifies the same secret.
    secret: mgtSettings.secret ?? syncSettings.targetSecret,
    ownKey,
    logger,
  });
  shutdown.defer('order-mgt', () => orderMgt.close());

  let failure: unknown = null;
  const failed = Promise.withResolvers<void>();
  const target = isGiven(entries, 'ORDER_SYNC_TARGET_URL')
    ? {}
    : {
        targetUrl: `${orderMgt.url}/api/orders`,
        targetApiKey: syncSettings.targetApiKey ?? ownKey,
        targetProxy: syncSettings.targetProxy ?? 'none',
      };
  // On the embedded log nobody but the user of this machine sees the events that they try.
  const trial = isGiven(entries, 'ORDER_SYNC_TRY') || isKafka(settings) ? {} : { offersTry: true };
  const orderSync = await startOrderSync(
    { ...syncSettings, ...target, ...trial },
    {
      portFlag: 'order-sync-port',
      settingEntries: startedEntries(entries, settingEntries, { ...target, ...trial }),
      clock,
      logger,
      consolePlace: CONSOLE_PLACE,
      onFailure(error) {
        failure = error;
        failed.resolve();
      },
    },
  );
  shutdown.defer('order-sync', () => orderSync.close());

  const print = (line: string) => void host.stdout.write(`${line}\n`);
  if (hasDemo) {
    const log = await openEventLog(settings, clock, logger);
    shutdown.defer('the log of the demonstration', () => log.close());
    await runDemo({
      log,
      topics: topicsOf(settings),
      clock,
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
  void orderSync.console().then((built) => {
    if (built?.kind === 'built') print(`The console: ${orderSync.url}/`);
  });

  await Promise.race([shutdown.requested, failed.promise]);
  if (failure !== null) throw failure;
  return EXIT.ok;
}

/** The curl command for a server with these settings. */
function curlFor({ apiKeys, host }: { readonly apiKeys: string | undefined; readonly host: string }): string {
  return apiKeys === undefined && isLoopback(host) ? 'curl' : 'curl -H "authorization: Bearer $KEY"';
}
