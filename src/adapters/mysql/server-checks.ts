import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Remedies } from './refusals.ts';

/** What a program needs of the server. */
export interface ServerNeeds {
  /** The most connections that it opens at once. */
  readonly connections: number;
  /** The most statements that it keeps prepared on one connection. */
  readonly preparedStatements: number;
  /** The longest packet that it may send. */
  readonly packetBytes: number;
  /** The setting that decides how long packets are, for messages. */
  readonly packetSetting: string;
}

const VARIABLES = [
  'log_bin',
  'binlog_format',
  'max_allowed_packet',
  'max_prepared_stmt_count',
  'max_connections',
  'max_user_connections',
] as const;

/**
 * Checks the server's settings that a session cannot change. Throws `store_refused` for a setting that can never work,
 * and warns of one that may be too small.
 */
export async function checkServer(
  connection: PoolConnection,
  { host, port }: Remedies,
  needs: ServerNeeds,
  logger: Logger,
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SHOW SESSION VARIABLES WHERE Variable_name IN (?)',
    [VARIABLES],
  );
  const values = new Map(rows.map((row) => [String(row[0]).toLowerCase(), String(row[1])]));
  const number = (name: (typeof VARIABLES)[number]) => Number(values.get(name) ?? Number.POSITIVE_INFINITY);
  const server = `The database at ${host}:${port}`;
  const refuse = (message: string) => new TributaryError('store_refused', `${server} ${message}`);

  if (values.get('log_bin') === 'ON' && values.get('binlog_format') === 'STATEMENT') {
    throw refuse(
      'writes its binary log in statement form, which takes none of these transactions: set binlog_format=ROW (or ' +
        'MIXED) there, and start again.',
    );
  }
  const packet = number('max_allowed_packet');
  if (packet < needs.packetBytes) {
    throw refuse(
      `takes packets of ${packet} bytes, and ${needs.packetBytes} are needed: raise its max_allowed_packet` +
        `${needs.packetSetting === '' ? '' : `, or lower ${needs.packetSetting}`}.`,
    );
  }
  const prepared = number('max_prepared_stmt_count');
  if (prepared < needs.preparedStatements) {
    throw refuse(
      `keeps ${prepared} prepared statements for everybody, and one connection needs up to ${needs.preparedStatements}: ` +
        'raise its max_prepared_stmt_count.',
    );
  }
  if (prepared < needs.preparedStatements * needs.connections) {
    logger(
      'warn',
      `${server} keeps ${prepared} prepared statements for everybody, and this program may need ` +
        `${needs.preparedStatements * needs.connections}: raise its max_prepared_stmt_count.`,
    );
  }
  for (const name of ['max_connections', 'max_user_connections'] as const) {
    const limit = number(name);
    // For max_user_connections 0 means no limit.
    if (limit === 0 || limit >= needs.connections) continue;
    logger(
      'warn',
      `${server} allows ${limit} connections (${name}), and this program opens up to ${needs.connections}: raise it, or ` +
        'set ORDER_SYNC_LANES lower.',
    );
  }
}

/** Characters of one to four bytes, and the one that ends a text in C. */
const SAMPLE = 'a\0ä€😀';

/**
 * Checks what a proxy between us and the server may spoil: that a parameter arrives as it was sent, and that an UPDATE counts
 * the rows that it changed. A commit of ingest sees by that number that the view's rows are not what it builds on. Nothing that
 * is no UTF-8 goes as a plain parameter (`ParameterWriter.base64`). Throws `store_refused`.
 */
export async function checkAnswers(
  connection: PoolConnection,
  { host, port }: Remedies,
  view: string,
): Promise<void> {
  const refuse = (message: string) =>
    new TributaryError('store_refused', `The database at ${host}:${port} ${message}`);
  const [[text]] = await connection.execute<RowDataPacket[]>('SELECT HEX(?)', [SAMPLE]);
  const sent = Buffer.from(SAMPLE).toString('hex').toUpperCase();
  if (String(text?.[0]) !== sent) {
    throw refuse(
      `changes the texts that it is sent (${sent} arrived as ${text?.[0]}): have every server and proxy on the way use ` +
        'utf8mb4 (characterEncoding=UTF-8 in the URL of a JDBC driver).',
    );
  }
  const [kept] = await connection.execute<ResultSetHeader>(
    'UPDATE view_states SET epoch = epoch WHERE view_name = ?',
    [view],
  );
  if (kept.affectedRows !== 0) {
    throw refuse(
      'counts rows that an UPDATE found, and this program needs the number of those that it changed: set ' +
        'useAffectedRows=true in the URL of each data source of the proxy.',
    );
  }
}
