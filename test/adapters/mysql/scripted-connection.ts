import type { PoolConnection } from 'mysql2/promise';

/** A statement that the database got, with its values. */
export interface Asked {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** The rows that answer a statement, or the error with which it fails. */
export type Reply = readonly (readonly unknown[])[] | Error;

/** A connection whose answers a test gives, for code that decides by them. It keeps what it was asked. */
export function scriptedConnection(reply: (sql: string, values: readonly unknown[]) => Reply) {
  const asked: Asked[] = [];
  const ask = async (sql: string, values: readonly unknown[] = []) => {
    asked.push({ sql, values });
    const rows = reply(sql, values);
    if (rows instanceof Error) throw rows;
    return [rows, []];
  };
  return { asked, connection: { query: ask, execute: ask } as unknown as PoolConnection };
}

/** The error of a server with this number. */
export function serverError(errno: number): Error {
  return Object.assign(new Error(`error ${errno}`), { errno });
}
