import { quoted } from '../text.ts';

/** A value as an adapter reads it: every number is a number, whatever the database calls its type. */
export type RawValue = string | bigint | number | Uint8Array | null;

export const MAX_ID_BYTES = 255;

/** Reads an id as events have it, or returns a stable word for what is wrong with it. */
export type ReadId =
  | { readonly id: string }
  | { readonly fault: 'null' | 'empty' | 'too long' | 'not UTF-8' | 'no text'; readonly shown: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readId(value: RawValue): ReadId {
  if (value === null) return { fault: 'null', shown: 'NULL' };
  if (typeof value === 'number') return { fault: 'no text', shown: String(value) };
  if (typeof value === 'bigint') return { id: value.toString() };
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length === 0) return { fault: 'empty', shown: '""' };
  let id: string;
  try {
    id = decoder.decode(bytes);
  } catch {
    return { fault: 'not UTF-8', shown: `0x${Buffer.from(bytes.subarray(0, 16)).toString('hex')}` };
  }
  if (bytes.length > MAX_ID_BYTES) return { fault: 'too long', shown: quoted(id, 40) };
  return { id };
}

/** The words of one vocabulary for flags. A column with words of two vocabularies is no flag. */
const VOCABULARIES: readonly (readonly [yes: string, no: string])[] = [
  ['1', '0'],
  ['true', 'false'],
  ['t', 'f'],
  ['yes', 'no'],
  ['y', 'n'],
  ['on', 'off'],
];

/**
 * Reads the flags of one column. All its values have to belong to one vocabulary, because N, T and F may stand for new,
 * transmitted and failed, for example.
 */
export class FlagReader {
  #vocabulary: readonly [yes: string, no: string] | null = null;

  /** Reads one value. Null if its meaning is not clear. */
  read(value: RawValue): boolean | null {
    if (value instanceof Uint8Array) return null;
    const word = String(value).toLowerCase();
    const vocabulary = VOCABULARIES.find((words) => words.includes(word));
    if (vocabulary === undefined) return null;
    this.#vocabulary ??= vocabulary;
    return this.#vocabulary === vocabulary ? word === vocabulary[0] : null;
  }
}

/** Whether a column that marks deleted rows marks this row. */
export function isSet(value: RawValue): boolean {
  if (value === null) return false;
  if (value instanceof Uint8Array) return value.some((byte) => byte !== 0);
  return !['0', '', 'false', 'f', 'no', 'n', 'off'].includes(String(value).toLowerCase());
}

export function shownValue(value: RawValue): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `0x${Buffer.from(value.subarray(0, 16)).toString('hex')}`;
  return typeof value === 'string' ? quoted(value, 40) : String(value);
}
