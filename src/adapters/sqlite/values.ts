import type { SQLOutputValue } from 'node:sqlite';
import { TributaryError } from '../../core/errors.ts';

/** A row as node:sqlite gives it. */
export type SqliteRow = Record<string, SQLOutputValue>;

export function textOf(value: SQLOutputValue | undefined): string {
  if (typeof value === 'string') return value;
  throw unexpected('text', value);
}

export function bigintOf(value: SQLOutputValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  throw unexpected('an integer', value);
}

/** Reads an integer below 2^53, or a real. */
export function numberOf(value: SQLOutputValue | undefined): number {
  if (typeof value === 'number') return value;
  return Number(bigintOf(value));
}

export function bytesOf(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unexpected('bytes', value);
}

/** Gives null for NULL, and reads every other value with `read`. */
export function nullOr<T>(value: SQLOutputValue | undefined, read: (value: SQLOutputValue) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}

function unexpected(expected: string, value: unknown): TributaryError {
  return new TributaryError(
    'store_refused',
    `A column of the store holds ${value === null ? 'NULL' : typeof value} where ${expected} belongs: was the file changed by another program?`,
  );
}
