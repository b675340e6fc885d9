import { ConnectionPool, type ServerAddress, type ServerTls } from '../../../../adapters/mysql/index.ts';
import type { Clock } from '../../../../ports/clock.ts';
import type { Logger } from '../../../../ports/logger.ts';
import type { OrderStates } from '../../states.ts';
import { checkRights } from './grants.ts';
import { updateSchema } from './schema.ts';
import { States } from './states.ts';

export interface StatesOptions {
  readonly address: ServerAddress;
  /** Null: plain text. */
  readonly tls: ServerTls | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Every transaction waits for the one that holds the lock. A process that is stopped within its own transaction loses
 * the lock after this time.
 */
const IDLE_TRANSACTION_SECONDS = 4;
/** One connection writes at a time; the others read. */
const CONNECTIONS = 6;

/**
 * Opens the states in a database of MySQL 8, MariaDB 10.6 or later, or a server that is compatible with them. Makes the
 * tables if they are missing and the user may make them. Rejects with `store_unreachable`, `store_refused`,
 * `schema_too_new`; then no connection is left open.
 */
export async function openStates(options: StatesOptions): Promise<OrderStates> {
  const pool = openPool(options);
  try {
    await updateSchema(pool, options.logger);
    await checkRights(pool);
    return new States(pool);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Makes the tables or brings them up to date, by a user that need not be the one that runs. Rejects as `openStates` does. */
export async function migrateStates(options: StatesOptions): Promise<void> {
  const pool = openPool(options);
  try {
    await updateSchema(pool, options.logger);
  } finally {
    await pool.close();
  }
}

function openPool({ address, tls, clock }: StatesOptions): ConnectionPool {
  return new ConnectionPool({
    address,
    tls,
    clock,
    connections: CONNECTIONS,
    idleTransactionSeconds: IDLE_TRANSACTION_SECONDS,
    remedies: {
      setting: 'ORDER_MGT_DATABASE_URL',
      setUp: 'Run order-mgt migrate.',
    },
    commitEvidence: "the deliveries' ids",
  });
}
