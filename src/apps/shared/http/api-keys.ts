import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SettingFault } from '../settings/kinds.ts';

/*
 * The keys of the HTTP APIs. A caller holds a key. The server holds an entry for it: its name, its scopes, and its SHA-256.
 * So a person who reads the settings of a server cannot get in.
 *
 * A bare hash is enough, because a key is 32 random bytes, and nobody can try them all. A password could be guessed from such
 * a hash, so a text without the form of a key is never taken for one.
 */

/** `read` lets a caller look at everything. `operate` lets it start work, such as a redrive. Neither includes the other. */
export type Scope = 'read' | 'operate';

/** The scopes of each program's API. */
export const API_SCOPES = {
  'order-sync': ['read', 'operate'],
  'order-mgt': ['read'],
} as const satisfies Readonly<Record<string, readonly Scope[]>>;

export type ApiProgram = keyof typeof API_SCOPES;

export interface ApiKey {
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The SHA-256 of the key's text. */
  readonly hash: Buffer;
}

/** A new key. It is shown once and kept nowhere. */
export interface NewApiKey {
  readonly key: string;
  /** The entry for the settings of the server: `name:scopes:hash`. */
  readonly entry: string;
}

/** The form of a name. Names are shown and logged, so a name must not look like a key. */
export const KEY_NAME = /^(?!trb_)[a-z0-9][a-z0-9_-]{0,63}$/;
const KEY_BYTES = 32;
const KEY = /^trb_[A-Za-z0-9_-]{43}$/;
const HASH = /^[0-9a-f]{64}$/i;
const ENTRIES_MAX = 100;

export function makeApiKey(name: string, scopes: readonly Scope[]): NewApiKey {
  const key = `trb_${randomBytes(KEY_BYTES).toString('base64url')}`;
  return { key, entry: `${name}:${scopes.join(',')}:${digestOf(key).toString('hex')}` };
}

export function apiKeyOf(name: string, scopes: readonly Scope[], key: string): ApiKey {
  return { name, scopes: new Set(scopes), hash: digestOf(key) };
}

function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/**
 * Reads the entries of a setting: `name:scopes:hash`, with blanks or line ends between entries and commas between scopes.
 * Throws a `SettingFault` that names the entry, what is wrong with it, and what would be right. It never quotes a text that
 * may be a key.
 */
export function parseApiKeys(text: string, program: ApiProgram): ApiKey[] {
  const entries = text.split(/\s+/).filter((entry) => entry !== '');
  if (entries.length === 0 || entries.length > ENTRIES_MAX) {
    throw fault(`it holds ${entries.length} entries: give 1 to ${ENTRIES_MAX}`, program);
  }
  const keys: ApiKey[] = [];
  for (const [index, entry] of entries.entries()) {
    const key = parseEntry(entry, `entry no. ${index + 1}`, program);
    const twin = keys.find((other) => other.name === key.name || other.hash.equals(key.hash));
    if (twin !== undefined) {
      const what = twin.name === key.name ? 'name' : 'key';
      throw fault(`entry no. ${index + 1} (${key.name}) has the ${what} of an entry before it`, program);
    }
    keys.push(key);
  }
  return keys;
}

function parseEntry(entry: string, place: string, program: ApiProgram): ApiKey {
  const [name = '', scopesText = '', hashText = '', ...rest] = entry.split(':');
  if (hashText === '' || rest.length > 0) throw fault(`${place} is not NAME:SCOPES:SHA256`, program);
  if (!KEY_NAME.test(name)) {
    throw fault(`${place}: its name has to be 1 to 64 small letters, digits, - or _`, program);
  }
  const called = `${place} (${name})`;
  const known: readonly string[] = API_SCOPES[program];
  const scopes = scopesText.split(',');
  const unknown = scopes.find((scope) => !known.includes(scope));
  if (unknown !== undefined) {
    // Only a short word is shown, because a longer text may be a key in the wrong place.
    const shown = /^[A-Za-z]{1,12}$/.test(unknown) ? ` ${unknown}` : '';
    throw fault(
      `${called} has a scope${shown} that ${program} does not have: give ${known.join(' or ')}`,
      program,
    );
  }
  if (KEY.test(hashText)) throw fault(`${called} holds the key itself in place of its SHA-256`, program);
  if (!HASH.test(hashText)) throw fault(`${called}: its SHA-256 has to be 64 hex digits`, program);
  return { name, scopes: new Set(scopes as Scope[]), hash: Buffer.from(hashText, 'hex') };
}

function fault(what: string, program: ApiProgram): SettingFault {
  return new SettingFault(`${what}; make a key with its entry by: ${program} keys make --name NAME`);
}

/** The entry of the key, or null. Every search takes the same time, whichever entry it finds, or if it finds none. */
export function findApiKey(keys: readonly ApiKey[], given: string): ApiKey | null {
  if (!KEY.test(given)) return null;
  const digest = digestOf(given);
  let found: ApiKey | null = null;
  for (const key of keys) if (timingSafeEqual(key.hash, digest)) found = key;
  return found;
}
