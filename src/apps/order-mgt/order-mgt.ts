import { dirname } from 'node:path';
import { systemClock } from '../../adapters/system-clock.ts';
import { logDefect, TributaryError } from '../../core/errors.ts';
import { parseSigningKeys } from '../../core/webhook-signature.ts';
import { Defects } from '../../pipeline/defects.ts';
import type { Logger } from '../../ports/logger.ts';
import { isLoopback } from '../shared/http/loopback.ts';
import { closeServer, listen } from '../shared/http/server.ts';
import { prepareDatabaseFile, sharingWarning } from '../shared/process/private-files.ts';
import { type DatabaseValues, databaseOf, warnOfOpenConnection } from '../shared/settings/known/database.ts';
import { ChangeStream } from './change-stream.ts';
import { GroupCommit } from './group-commit.ts';
import { accessFor, type ReaderOptions } from './http/access.ts';
import { buildServer } from './http/server.ts';
import { openMysqlStates } from './states/mysql/open.ts';
import { openSqliteStates } from './states/sqlite/states.ts';
import type { OrderStates } from './states.ts';
import { Waiters } from './waiters.ts';

export interface OrderMgtOptions extends ReaderOptions, DatabaseValues {
  /** 0 takes a free one. */
  readonly port: number;
  /** The flag that gives the port, for messages; `port` if it is left out. */
  readonly portFlag?: string;
  /** `whsec_` secrets, several between blanks while rotating; required unless `host` is on loopback. */
  readonly secret: string | undefined;
  /** Further names that it is called by. */
  readonly knownHosts?: readonly string[];
  /** The most states of one batch, 500 by default; 0 takes none. */
  readonly batchMax?: number;
  readonly log: Logger;
  /** Wall-clock time in milliseconds. */
  readonly now?: () => number;
}

export interface OrderMgt {
  /** Where the API answers, without a slash at the end. */
  readonly url: string;
  /** Finishes what is in hand, answers the readers that wait, and closes the database. May be called twice. */
  close(): Promise<void>;
}

const BATCH_MAX = 500;
const READERS_WAITING_MAX = 10_000;

/**
 * Starts the target system. Rejects with `setting_invalid` (a secret that is none, or none outside loopback; keys
 * that are none), `address_in_use`, `store_unreachable`, `schema_too_new`; then nothing is left open.
 */
export async function startOrderMgt(options: OrderMgtOptions): Promise<OrderMgt> {
  const { now = Date.now } = options;
  // Each kind of defect has one line in ten minutes at most, however many requests meet it.
  const { logger: log } = new Defects(systemClock, options.log);
  const keys = parseSigningKeys(options.secret ?? '', 'ORDER_MGT_SECRET');
  if (keys.length === 0) allowUnsigned(options.host, log);
  const access = accessFor(options, log);

  const states = await openStates(options, log);
  const waiters = new Waiters(states, READERS_WAITING_MAX);
  const stream = new ChangeStream(states, log);
  const groupCommit = new GroupCommit(states, (deliveries) => {
    try {
      waiters.notify(deliveries);
      stream.wake();
    } catch (error) {
      // The deliveries are stored, whatever becomes of those who wait for them.
      if (!logDefect(log, 'the telling of changes', error)) throw error;
    }
  });
  let closed: Promise<void> | null = null;
  const app = buildServer({
    states,
    groupCommit,
    waiters,
    stream,
    batchMax: options.batchMax ?? BATCH_MAX,
    keys,
    access,
    guard: { host: options.host, hosts: options.knownHosts ?? [], setting: 'ORDER_MGT_KNOWN_HOSTS' },
    isStopping: () => closed !== null,
    now,
    log,
  });

  async function closeAll(): Promise<void> {
    waiters.close();
    stream.close();
    await closeServer(app);
    await groupCommit.idle();
    await states.close();
  }

  let url: string;
  try {
    url = await listen(app, {
      host: options.host,
      port: options.port,
      program: 'order-mgt',
      hostSetting: 'ORDER_MGT_HOST',
      portSetting: 'ORDER_MGT_PORT',
      portFlag: options.portFlag ?? 'port',
    });
  } catch (error) {
    await closeAll();
    throw error;
  }
  log('info', `order-mgt listens on ${url}`);
  return {
    url,
    close() {
      closed ??= closeAll();
      return closed;
    },
  };
}

async function openStates(values: DatabaseValues, log: Logger): Promise<OrderStates> {
  const database = databaseOf(values, 'ORDER_MGT_DATABASE');
  warnOfOpenConnection(database, 'ORDER_MGT_DATABASE', log);
  if (database.kind === 'mysql') return openMysqlStates(database, systemClock, log);
  const { file } = database;
  prepareDatabaseFile(file, 'TRIBUTARY_DATA_DIR or ORDER_MGT_DATABASE_URL');
  const states = await openSqliteStates(file);
  const warning = sharingWarning(dirname(file), file);
  if (warning !== null) log('warn', warning);
  return states;
}

function allowUnsigned(host: string, log: Logger): void {
  if (!isLoopback(host)) {
    throw new TributaryError(
      'setting_invalid',
      `ORDER_MGT_HOST is ${host}, which others can reach, and no secret is set: set ORDER_MGT_SECRET, or listen on 127.0.0.1.`,
    );
  }
  log('warn', 'Unsigned deliveries are accepted, from this machine only: ORDER_MGT_SECRET is not set.');
}
