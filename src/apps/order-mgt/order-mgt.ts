import { systemClock } from '../../adapters/system-clock.ts';
import { logDefect, TributaryError } from '../../core/errors.ts';
import { parseSigningKeys } from '../../core/webhook-signature.ts';
import { Defects } from '../../pipeline/defects.ts';
import type { Logger } from '../../ports/logger.ts';
import { closeServer, listen } from '../shared/http/listen.ts';
import { isLoopback } from '../shared/http/loopback.ts';
import type { DatabaseValues } from '../shared/settings/known/database.ts';
import { ChangeStream } from './change-stream.ts';
import { GroupCommit } from './group-commit.ts';
import { accessFor, type ReaderOptions } from './http/access.ts';
import { buildServer } from './http/server.ts';
import { OrderMgtCounts, orderMgtMetrics } from './metrics.ts';
import { openStates } from './open-states.ts';
import { readinessOf, STOPPING } from './readiness.ts';
import { Waiters } from './waiters.ts';

export interface OrderMgtOptions extends ReaderOptions, DatabaseValues {
  /** The port to listen on. 0 takes a free one. */
  readonly port: number;
  /** The flag that sets the port, for messages. Default: `port`. */
  readonly portFlag?: string;
  /** `whsec_` secrets, with blanks between them while one replaces the other. Required unless `host` is on loopback. */
  readonly secret: string | undefined;
  /** Further host names by which callers may reach the server. */
  readonly knownHosts?: readonly string[];
  /** The most states of one delivery batch. 0 takes no delivery batches. Default: 500. */
  readonly deliveryBatchMax?: number;
  readonly logger: Logger;
  /** The wall-clock time in milliseconds. Default: `Date.now`. */
  readonly now?: () => number;
}

export interface OrderMgt {
  /** The address of the API, without a slash at the end. */
  readonly url: string;
  /** Finishes the requests in hand, answers the waiting readers, and closes the database. May be called twice. */
  close(): Promise<void>;
}

const DELIVERY_BATCH_MAX = 500;
const READERS_WAITING_MAX = 10_000;

/**
 * Starts the target system. Rejects with `setting_invalid` if a secret or a key is malformed, or if there is no secret and
 * `host` is not on loopback; with `address_in_use`, `store_unreachable` and `schema_too_new`. Then nothing is left open.
 */
export async function startOrderMgt(options: OrderMgtOptions): Promise<OrderMgt> {
  const { now = Date.now } = options;
  // Logs each kind of defect at most once in ten minutes, however many requests meet it.
  const { logger } = new Defects(systemClock, options.logger);
  const keys = parseSigningKeys(options.secret ?? '', 'ORDER_MGT_SECRET');
  if (keys.length === 0) allowUnsigned(options.host, logger);
  const access = accessFor(options, logger);

  const states = await openStates(options, logger);
  const waiters = new Waiters(states, READERS_WAITING_MAX);
  const stream = new ChangeStream(states, logger);
  const counts = new OrderMgtCounts();
  const groupCommit = new GroupCommit(states, (deliveries, receipts, tookMs) => {
    try {
      counts.committed(receipts, tookMs);
      waiters.notify(deliveries);
      stream.wake();
    } catch (error) {
      // The deliveries are stored already, so their senders get receipts although this failed.
      if (!logDefect(logger, 'the telling of changes', error)) throw error;
    }
  });
  let closed: Promise<void> | null = null;
  const app = buildServer({
    states,
    groupCommit,
    waiters,
    stream,
    deliveryBatchMax: options.deliveryBatchMax ?? DELIVERY_BATCH_MAX,
    keys,
    access,
    guard: { host: options.host, hosts: options.knownHosts ?? [], setting: 'ORDER_MGT_KNOWN_HOSTS' },
    problems: counts.problems,
    metrics: orderMgtMetrics(counts, () => ({
      waitingReaders: waiters.count,
      streamListeners: stream.listeners,
    })),
    readiness: async () => (closed === null ? readinessOf(states, groupCommit) : STOPPING),
    now,
    logger,
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
  logger('info', `order-mgt listens on ${url}`);
  return {
    url,
    close() {
      closed ??= closeAll();
      return closed;
    },
  };
}

function allowUnsigned(host: string, logger: Logger): void {
  if (!isLoopback(host)) {
    throw new TributaryError(
      'setting_invalid',
      `ORDER_MGT_HOST is ${host}, which other machines can reach, and no secret is set: set ORDER_MGT_SECRET, or listen on 127.0.0.1.`,
    );
  }
  logger('warn', 'Unsigned deliveries are accepted, from this machine only: ORDER_MGT_SECRET is not set.');
}
