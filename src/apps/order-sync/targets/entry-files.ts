import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, TributaryError } from '../../../core/errors.ts';

/** Where an entry of the targets file stands, for messages and for the paths in it. */
export interface EntryPlace {
  /** How messages name the target. */
  readonly called: string;
  /** Paths in the file begin at its folder. */
  readonly folder: string;
  /** Whether the target is a topic, which has no use for what requests need. */
  readonly isTopic: boolean;
}

/** The content of a file that an entry names, without blanks around it. Undefined if it names none. */
export function contentOf(file: unknown, field: string, place: EntryPlace): string | undefined {
  const path = pathOf(file, field, place);
  if (path === undefined) return undefined;
  let content: string;
  try {
    content = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw fault(`${place.called}: its "${field}" cannot be read (${messageOf(error)}): name a readable file`);
  }
  if (content === '') throw fault(`${place.called}: its "${field}" is empty: write the value into it`);
  return content;
}

/** The path of a file that an entry names. Undefined if it names none. */
export function pathOf(
  file: unknown,
  field: string,
  { called, folder, isTopic }: EntryPlace,
): string | undefined {
  if (file === undefined) return undefined;
  if (typeof file !== 'string' || file === '')
    throw fault(`${called}: "${field}" has to be the path of a file`);
  if (isTopic) throw fault(`${called}: "${field}" is only for a url: leave it out`);
  return resolve(folder, file);
}

/** A text that an entry gives. Undefined if it gives none. */
export function textOf(given: unknown, field: string, { called, isTopic }: EntryPlace): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || given === '') throw fault(`${called}: "${field}" has to be a text`);
  if (isTopic) throw fault(`${called}: "${field}" is only for a url: leave it out`);
  return given;
}

export function fault(message: string): TributaryError {
  return new TributaryError('setting_invalid', `ORDER_SYNC_TARGETS_FILE: ${message}.`);
}
