import type { TopicPartition } from '../../core/offset.ts';
import type { LoggedHeader, LogRecord } from '../../ports/event-log.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';
import { asBuffer, sha256Hex } from './bytes.ts';
import type { Rejection } from './reasons.ts';

/** The most bytes that are kept of the value, the key and the headers of a record that is too large. */
const KEPT_BYTES = 4096;

const EMPTY = new Uint8Array(0);

/** Makes a record for quarantine: with all its bytes, unless it is too large. */
export function toQuarantined(
  record: LogRecord,
  source: TopicPartition,
  observedAtMs: number,
  rejection: Rejection,
): QuarantinedRecord {
  const isTooLarge = rejection.reason === 'record_too_large';
  const { value, key } = record;
  return {
    topic: source.topic,
    partition: source.partition,
    offset: record.offset,
    reason: rejection.reason,
    detail: rejection.detail,
    key: isTooLarge && key !== null ? firstBytes(key) : key,
    value: isTooLarge && value !== null ? firstBytes(value) : value,
    valueLength: value === null ? 0 : value.length,
    valueHash: sha256Hex(value ?? EMPTY),
    headers: encodeHeaders(isTooLarge ? firstHeaders(record.headers) : record.headers),
    observedAtMs,
  };
}

/**
 * Writes headers as JSON: an array of `[name, value in base64 or null]`, in the record's sequence. A name that is not
 * well-formed UTF-8 becomes `{"base64": "..."}`.
 */
export function encodeHeaders(headers: readonly LoggedHeader[]): Uint8Array {
  const pairs = headers.map(([name, value]) => [
    typeof name === 'string' ? name : { base64: base64(name) },
    value === null ? null : base64(value),
  ]);
  return Buffer.from(JSON.stringify(pairs), 'utf8');
}

function base64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64');
}

function firstHeaders(headers: readonly LoggedHeader[]): LoggedHeader[] {
  const kept: LoggedHeader[] = [];
  let bytes = 0;
  for (const header of headers) {
    const [name, value] = header;
    bytes += name.length * 3 + (value === null ? 0 : value.length);
    if (bytes > KEPT_BYTES) break;
    kept.push(header);
  }
  return kept;
}

/** Copies the bytes, because a view would keep the whole record in memory. */
function firstBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes.subarray(0, KEPT_BYTES));
}

/**
 * Whether the store has only the beginning of the record, because the record was too large. The bytes that were cut off
 * may have been those of the value, the key or the headers.
 */
export function isCut({ reason, value, valueLength }: QuarantinedRecord): boolean {
  return reason === 'record_too_large' || valueLength > (value?.length ?? 0);
}

/**
 * The record as the log had it, apart from its timestamp, which no decoder reads. Null if the store has not all of its
 * bytes, or if somebody has altered the headers so that they cannot be read.
 */
export function logRecordOf(record: QuarantinedRecord): LogRecord | null {
  if (isCut(record)) return null;
  const headers = decodeHeaders(record.headers);
  const { offset, key, value } = record;
  return headers === null ? null : { offset, timestampMs: record.observedAtMs, key, value, headers };
}

/** Reads what `encodeHeaders` wrote. Gives null for anything else. */
export function decodeHeaders(bytes: Uint8Array): LoggedHeader[] | null {
  let pairs: unknown;
  try {
    pairs = JSON.parse(asBuffer(bytes).toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(pairs)) return null;
  const headers = pairs.map(headerOf);
  return headers.every((header) => header !== null) ? headers : null;
}

function headerOf(pair: unknown): LoggedHeader | null {
  if (!Array.isArray(pair) || pair.length !== 2) return null;
  const [name, value]: readonly unknown[] = pair;
  const { base64: bytes } = (typeof name === 'object' && name !== null ? name : {}) as { base64?: unknown };
  const readName = typeof name === 'string' ? name : typeof bytes === 'string' ? fromBase64(bytes) : null;
  if (readName === null || (value !== null && typeof value !== 'string')) return null;
  return [readName, value === null ? null : fromBase64(value)];
}

function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
