import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bytesOf, type Case, casesOf } from '../../cases/cases.ts';

/** A record of a file of cases, as it is published. */
export interface FiledRecord {
  readonly file: string;
  readonly note: string;
  readonly kind: 'orders' | 'payments';
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** A line of a file: one form has `topic: orders` and pairs for headers, another `topic: order` and an object. */
interface Line {
  readonly note?: string;
  readonly topic?: 'order' | 'orders' | 'payment' | 'payments';
  readonly key?: string | null;
  readonly keyHex?: string;
  readonly value?: string | null;
  readonly valueHex?: string;
  readonly valueGzip?: string;
  readonly headers?: readonly (readonly [string, string | null])[] | Readonly<Record<string, string | null>>;
}

/** Every record in the `.ndjson` files of these files and folders, in the sequence of their paths. */
export function recordsIn(places: readonly string[]): FiledRecord[] {
  return places.flatMap(filesIn).flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, index) => recordOf(basename(path, '.ndjson'), JSON.parse(line) as Line, index)),
  );
}

function filesIn(place: string): string[] {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ndjson'))
    .sort()
    .map((path) => join(place, path));
}

function recordOf(file: string, line: Line, index: number): FiledRecord {
  const headers = Array.isArray(line.headers) ? line.headers : Object.entries(line.headers ?? {});
  return {
    file,
    note: line.note ?? line.key ?? `record ${index}`,
    kind: line.topic?.startsWith('payment') === true ? 'payments' : 'orders',
    key: bytesOf(line.key, line.keyHex),
    value: line.valueGzip === undefined ? bytesOf(line.value, line.valueHex) : gzipSync(line.valueGzip),
    headers: headers.map(([name, value]: readonly [string, string | null]) => [name, bytesOf(value)]),
  };
}

/** The cases whose right verdict is written down, by the bytes of their records. */
export function knownCases(): ReadonlyMap<string, Case> {
  const folder = join(import.meta.dirname, '..', '..', 'cases', 'records');
  const cases = readdirSync(folder).flatMap((file) => casesOf(basename(file, '.ndjson')));
  return new Map(
    cases.map((known) => {
      const { key, value, headers } = known.record;
      const named = headers.map(([name, content]) => [String(name), content] as const);
      return [identityOf({ kind: known.topic, key, value, headers: named }), known];
    }),
  );
}

type Identified = Pick<FiledRecord, 'kind'> & {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
};

/** Two records are the same case if their topic, key, value and headers are the same bytes. */
export function identityOf({ kind, key, value, headers }: Identified): string {
  const hex = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
  const sorted = headers.map(([name, content]) => [name, hex(content)]).sort();
  // The bytes of gzip differ from one machine to another, so a compressed value is known by its beginning.
  const shown = value?.[0] === 0x1f && value[1] === 0x8b ? 'gzip' : hex(value);
  return createHash('sha256')
    .update(JSON.stringify([kind, hex(key), shown, sorted]))
    .digest('hex');
}
