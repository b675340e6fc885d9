import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { ConnectionPool, type ServerAddress, type ServerTls } from '../../../../adapters/mysql/index.ts';
import type { Clock } from '../../../../ports/clock.ts';

export type SqlValue = string | number | null;

export interface MysqlServer {
  readonly address: ServerAddress;
  /** Null: plain text. */
  readonly tls: ServerTls | null;
}

/** Everybody waits for the transaction of one: a process that was stopped within its own stops the others no longer. */
const IDLE_TRANSACTION_SECONDS = 4;
/** One writes at a time; the others are for readers. */
const CONNECTIONS = 6;
/** A statement is prepared once for each of these many rows, so that a server keeps few of them. */
const ROWS_PER_STATEMENT = [256, 64, 16, 4, 1] as const;

/** order-sync's connections, with the words of this program. */
export function openPool(server: MysqlServer, clock: Clock): ConnectionPool {
  return new ConnectionPool({
    ...server,
    clock,
    connections: CONNECTIONS,
    idleTransactionSeconds: IDLE_TRANSACTION_SECONDS,
    rows: 'objects',
    remedies: {
      setting: 'ORDER_MGT_DATABASE_URL',
      setUp: 'Run order-mgt migrate.',
    },
    commitEvidence: "the deliveries' ids",
  });
}

/** Rows of one statement, prepared; values go as parameters. */
export async function select(
  connection: PoolConnection,
  sql: string,
  values: SqlValue[] = [],
): Promise<RowDataPacket[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(sql, values);
  return rows;
}

/** The rows whose column is one of the values; `sql` ends before the list. */
export async function selectIn(
  connection: PoolConnection,
  sql: string,
  values: readonly string[],
): Promise<RowDataPacket[]> {
  const found: RowDataPacket[] = [];
  for (const piece of inPieces(values)) {
    found.push(...(await select(connection, `${sql} (${listOf('?', piece.length)})`, [...piece])));
  }
  return found;
}

/** Writes rows of equally many values; `sql` ends before the values, and `suffix` comes after them. */
export async function insertRows(
  connection: PoolConnection,
  sql: string,
  rows: readonly (readonly SqlValue[])[],
  suffix = '',
): Promise<void> {
  for (const piece of inPieces(rows)) {
    const row = `(${listOf('?', piece[0]?.length ?? 0)})`;
    await connection.execute(`${sql} VALUES ${listOf(row, piece.length)} ${suffix}`, piece.flat());
  }
}

function inPieces<Item>(items: readonly Item[]): Item[][] {
  const pieces: Item[][] = [];
  for (let from = 0; from < items.length; from += pieces.at(-1)?.length ?? 0) {
    const size = ROWS_PER_STATEMENT.find((rows) => rows <= items.length - from) ?? 1;
    pieces.push(items.slice(from, from + size));
  }
  return pieces;
}

function listOf(text: string, count: number): string {
  return Array.from({ length: count }, () => text).join(',');
}
