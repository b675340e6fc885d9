import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JsonValue, ViewValue } from '../../../core/domain.ts';
import { messageOf } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import { contentOf, type EntryPlace, fault } from './entry-files.ts';
import { REACH_FIELDS, type Reach, reachIn } from './reach.ts';
import { type TargetedDomain, WISH_FIELDS, type Wishes, wishesIn } from './wishes.ts';

/** A valid entry of the file that ORDER_SYNC_TARGETS_FILE names. */
export interface TargetSpec {
  readonly name: string;
  readonly place: { readonly url: string } | { readonly topic: string };
  /** `whsec_` secrets that sign requests. Without secrets requests are not signed. */
  readonly secrets: readonly string[];
  readonly reach: Reach;
  readonly wishes: Wishes;
  /** The values that a state may have in a column, by the name of the column. */
  readonly filter: ReadonlyMap<string, readonly ViewValue[]>;
  readonly concurrency: number | null;
  readonly ratePerSecond: number | null;
  /** The time between two comparisons with the ledger. 0 means never, null means the time of the settings. */
  readonly reconcileEveryMs: number | null;
  readonly tombstones: 'never' | 'not_ready';
}

const KNOWN = [
  'name',
  'url',
  'topic',
  'secretFile',
  ...REACH_FIELDS,
  ...WISH_FIELDS,
  'filter',
  'concurrency',
  'ratePerSecond',
  'reconcileEveryMs',
  'tombstones',
];
const TARGETS_MAX = 32;
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;

/**
 * Reads the targets besides the one of ORDER_SYNC_TARGET_URL. Without a file there are none. Paths in the file begin at its
 * folder. Throws `setting_invalid`, which names the target, what is wrong and what would be right.
 */
export function readTargetsFile(
  path: string | undefined,
  taken: {
    readonly names: readonly string[];
    readonly topics: readonly string[];
    /** The consumer group, of which the source of events is made. */
    readonly group: string;
    readonly domain: TargetedDomain;
  },
): TargetSpec[] {
  if (path === undefined) return [];
  const entries = parsed(path);
  if (!Array.isArray(entries) || entries.length > TARGETS_MAX) {
    throw fault(`${path} has to hold a JSON array of up to ${TARGETS_MAX} targets`);
  }
  const names = new Set(taken.names);
  return entries.map((entry, index) => {
    const spec = specOf(entry, `target no. ${index + 1} in ${path}`, { folder: dirname(path), ...taken });
    if (names.has(spec.name)) {
      throw fault(
        `target no. ${index + 1} in ${path} is called ${spec.name}, which another target is: choose another name`,
      );
    }
    names.add(spec.name);
    return spec;
  });
}

/** Whether a state passes the filter: in each column that the filter names, it has one of the filter's values. */
export function passes(filter: TargetSpec['filter'], body: Readonly<Record<string, JsonValue>>): boolean {
  for (const [column, values] of filter)
    if (!values.some((value) => value === (body[column] ?? null))) return false;
  return true;
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's message quotes the file, which may hold a secret in the wrong place.
    const why = error instanceof SyntaxError ? 'it is no valid JSON' : messageOf(error);
    throw fault(`${path} cannot be read (${why}): name a readable JSON file`);
  }
}

function specOf(
  entry: unknown,
  entryName: string,
  {
    folder,
    topics,
    group,
    domain,
  }: {
    readonly folder: string;
    readonly topics: readonly string[];
    readonly group: string;
    readonly domain: TargetedDomain;
  },
): TargetSpec {
  if (!isJsonObject(entry))
    throw fault(`${entryName} has to be an object such as {"name": "crm", "url": "https://..."}`);
  const { name } = entry;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw fault(`${entryName}: "name" has to be 1 to 64 small letters, digits, - or _, as in "crm"`);
  }
  const called = `target ${name}`;
  const unknown = Object.keys(entry).filter((key) => !KNOWN.includes(key));
  if (unknown.length > 0) {
    throw fault(
      `${called} has ${unknown.map((key) => JSON.stringify(key)).join(', ')}; known are ${KNOWN.join(', ')}`,
    );
  }
  const place = placeOf(entry, called, topics);
  const where = { called, folder, isTopic: 'topic' in place };
  const { tombstones = 'never' } = entry;
  if (tombstones !== 'never' && tombstones !== 'not_ready') {
    throw fault(`${called}: "tombstones" has to be "never" or "not_ready"`);
  }
  if ('url' in place && entry.tombstones !== undefined) {
    throw fault(`${called}: "tombstones" is only for a topic: leave it out`);
  }
  if ('topic' in place && entry.reconcileEveryMs !== undefined) {
    throw fault(`${called}: "reconcileEveryMs" is only for a url: leave it out`);
  }
  return {
    name,
    place,
    secrets: secretsOf(entry.secretFile, place, where),
    reach: reachIn(entry, where),
    wishes: wishesIn(entry, where, group, domain),
    filter: filterOf(entry.filter, called, domain.view),
    concurrency: numberOf(entry.concurrency, `${called}: "concurrency"`, [1, 4_096]),
    ratePerSecond: numberOf(entry.ratePerSecond, `${called}: "ratePerSecond"`, [1, 1_000_000]),
    reconcileEveryMs: numberOf(entry.reconcileEveryMs, `${called}: "reconcileEveryMs"`, [0, 604_800_000]),
    tombstones,
  };
}

function placeOf(
  { url, topic }: Readonly<Record<string, unknown>>,
  called: string,
  taken: readonly string[],
): TargetSpec['place'] {
  if ((url === undefined) === (topic === undefined)) throw fault(`${called} needs either "url" or "topic"`);
  if (topic !== undefined) {
    if (typeof topic !== 'string' || !TOPIC.test(topic)) {
      throw fault(
        `${called}: "topic" has to be a topic's name: letters, digits, ".", "_" and "-", up to 249`,
      );
    }
    if (taken.includes(topic))
      throw fault(`${called}: topic ${topic} is one that order-sync reads: name another`);
    return { topic };
  }
  const parsedUrl = typeof url === 'string' && URL.canParse(url) ? new URL(url) : null;
  if (parsedUrl?.protocol !== 'http:' && parsedUrl?.protocol !== 'https:') {
    throw fault(`${called}: "url" has to be an HTTP address like https://crm.example/api/orders`);
  }
  return { url: String(url) };
}

function secretsOf(file: unknown, place: TargetSpec['place'], where: EntryPlace): string[] {
  if (file === undefined && 'url' in place && !isLoopback(new URL(place.url).hostname)) {
    throw fault(
      `${where.called} is on another machine and has no "secretFile": name a file with a whsec_ secret`,
    );
  }
  return contentOf(file, 'secretFile', where)?.split(/\s+/) ?? [];
}

function filterOf(given: unknown, called: string, view: TargetedDomain['view']): Map<string, ViewValue[]> {
  const filter = new Map<string, ViewValue[]>();
  if (given === undefined) return filter;
  if (!isJsonObject(given)) {
    throw fault(`${called}: "filter" has to be an object such as {"payment_status": ["PAYMENT_AUTHORIZED"]}`);
  }
  for (const [column, values] of Object.entries(given)) {
    const known = view.columns.find(({ name }) => name === column);
    if (known === undefined) {
      const names = view.columns.map(({ name }) => name).join(', ');
      throw fault(`${called}: "filter" names ${JSON.stringify(column)}; the columns are ${names}`);
    }
    const type = known.type === 'integer' ? 'number' : known.type === 'boolean' ? 'boolean' : 'string';
    const isRight = (value: unknown): value is ViewValue => value === null || typeof value === type;
    if (!Array.isArray(values) || values.length === 0 || !values.every(isRight)) {
      throw fault(`${called}: "filter" has to give ${column} an array of values, each a ${type} or null`);
    }
    filter.set(column, values);
  }
  return filter;
}

function numberOf(
  given: unknown,
  what: string,
  [min, max]: readonly [min: number, max: number],
): number | null {
  if (given === undefined) return null;
  if (!Number.isInteger(given) || Number(given) < min || Number(given) > max) {
    throw fault(`${what} has to be a whole number from ${min} to ${max}`);
  }
  return Number(given);
}
