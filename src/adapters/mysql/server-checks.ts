import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Remedies } from './refusals.ts';

/** What a program asks of the server. */
export interface ServerNeeds {
  /** The most connections that it opens at once. */
  readonly connections: number;
  /** The most statements that it keeps prepared on one of them. */
  readonly preparedStatements: number;
  /** The longest packet that it may send. */
  readonly packetBytes: number;
  /** What makes the packets as long as that, for messages. */
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
 * Looks at the server's settings that no session can change for itself. Throws `store_refused` for one that can never
 * work, and warns of one that may be too small.
 */
export async function checkServer(
  connection: PoolConnection,
  { host, port }: Remedies,
  needs: ServerNeeds,
  log: Logger,
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
    log(
      'warn',
      `${server} keeps ${prepared} prepared statements for everybody, and this program may need ` +
        `${needs.preparedStatements * needs.connections}: raise its max_prepared_stmt_count.`,
    );
  }
  for (const name of ['max_connections', 'max_user_connections'] as const) {
    const limit = number(name);
    // 0 is no limit of max_user_connections.
    if (limit === 0 || limit >= needs.connections) continue;
    log(
      'warn',
      `${server} allows ${limit} connections (${name}), and this program opens up to ${needs.connections}: raise it, or ` +
        'set ORDER_SYNC_LANES lower.',
    );
  }
}
