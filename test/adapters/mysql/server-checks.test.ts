import { describe, expect, it } from 'vitest';
import type { Remedies } from '../../../src/adapters/mysql/refusals.ts';
import { checkAnswers, checkServer, type ServerNeeds } from '../../../src/adapters/mysql/server-checks.ts';
import { scriptedConnection } from './scripted-connection.ts';

const NEEDS: ServerNeeds = {
  connections: 10,
  preparedStatements: 100,
  packetBytes: 16_777_216,
  packetSetting: 'ORDER_SYNC_MAX_RECORD_BYTES',
};
const ENOUGH = {
  log_bin: 'ON',
  binlog_format: 'ROW',
  max_allowed_packet: '16777216',
  max_prepared_stmt_count: '1000',
  max_connections: '10',
  max_user_connections: '0',
};

/** What the check logs of a server with these variables. */
async function checked(
  variables: Partial<typeof ENOUGH>,
  needs: Partial<ServerNeeds> = {},
): Promise<string[]> {
  const logged: string[] = [];
  const rows = Object.entries({ ...ENOUGH, ...variables }).filter(([, value]) => value !== undefined);
  const { connection } = scriptedConnection(() => rows);
  const place = { host: 'db.test', port: 3_306 } as Remedies;
  await checkServer(connection, place, { ...NEEDS, ...needs }, (level, message) =>
    logged.push(`${level}: ${message}`),
  );
  return logged;
}

describe('the settings of a database server', () => {
  it.each<Partial<typeof ENOUGH>>([
    {},
    { binlog_format: 'MIXED' },
    { log_bin: 'OFF', binlog_format: 'STATEMENT' },
    { max_user_connections: '10' },
  ])('suffice with %j', async (variables) => {
    expect(await checked(variables)).toEqual([]);
  });

  it('suffice if the server does not tell them', async () => {
    const none = Object.fromEntries(Object.keys(ENOUGH).map((name) => [name, undefined]));
    expect(await checked(none)).toEqual([]);
  });

  it.each<[Partial<typeof ENOUGH>, string]>([
    [{ binlog_format: 'STATEMENT' }, 'set binlog_format=ROW'],
    [
      { max_allowed_packet: '16777215' },
      'raise its max_allowed_packet, or lower ORDER_SYNC_MAX_RECORD_BYTES.',
    ],
    [
      { max_prepared_stmt_count: '99' },
      'keeps 99 prepared statements for everybody, and one connection needs up to 100',
    ],
  ])('refuse a start with %j', async (variables, words) => {
    await expect(checked(variables)).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining(words),
    });
  });

  it('name no setting of the program that it does not have', async () => {
    const refusal = checked({ max_allowed_packet: '1' }, { packetSetting: '' });
    await expect(refusal).rejects.toThrow(/raise its max_allowed_packet\.$/);
  });

  it.each<[Partial<typeof ENOUGH>, string]>([
    [
      { max_prepared_stmt_count: '999' },
      'keeps 999 prepared statements for everybody, and this program may need 1000',
    ],
    [{ max_connections: '9' }, 'allows 9 connections (max_connections), and this program opens up to 10'],
    [{ max_user_connections: '1' }, 'allows 1 connections (max_user_connections)'],
  ])('cause a warning with %j', async (variables, words) => {
    expect(await checked(variables)).toEqual([
      expect.stringContaining(`warn: The database at db.test:3306 ${words}`),
    ]);
  });
});

describe('the answers of a database server', () => {
  /** Checks a server that gets texts by `heard`, and counts `counted` rows for an UPDATE that changes none. */
  async function answers(heard: (text: string) => Buffer, counted: number): Promise<void> {
    const ask = async (sql: string, [value]: [string]) =>
      sql.startsWith('SELECT')
        ? [[[heard(value).toString('hex').toUpperCase()]], []]
        : [{ affectedRows: counted }, []];
    const connection = { execute: ask } as unknown as Parameters<typeof checkAnswers>[0];
    await checkAnswers(connection, { host: 'db.test', port: 3_306 } as Remedies, 'orders');
  }

  it('suffice if texts arrive as they were sent, and only changed rows count', async () => {
    await expect(answers(Buffer.from, 0)).resolves.toBeUndefined();
  });

  it.each<[string, (text: string) => Buffer, number, string]>([
    ['a text that loses characters', (text) => Buffer.from(text, 'latin1'), 0, 'characterEncoding=UTF-8'],
    ['a text that ends at a zero', (text) => Buffer.from(text.slice(0, 1)), 0, 'utf8mb4'],
    ['rows that were only found', Buffer.from, 1, 'useAffectedRows=true'],
  ])('refuse a start with %s', async (_, heard, counted, words) => {
    await expect(answers(heard, counted)).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining(words),
    });
  });
});
