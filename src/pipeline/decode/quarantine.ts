import type { TopicPartition } from '../../core/offset.ts';
import type { LogRecord, RecordHeader } from '../../ports/event-log.ts';
import type { QuarantinedRecord } from '../../ports/store.ts';
import { sha256Hex } from './bytes.ts';
import type { Rejection } from './reasons.ts';

/** How much is kept of the value, of the key, and of the headers of a record that is too large. */
const KEPT_BYTES = 4096;

const EMPTY = new Uint8Array(0);

/** The record as quarantine keeps it: raw and whole, unless it is too large. */
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
    key: isTooLarge && key !== null ? key.subarray(0, KEPT_BYTES) : key,
    value: isTooLarge && value !== null ? value.subarray(0, KEPT_BYTES) : value,
    valueLength: value === null ? 0 : value.length,
    valueHash: sha256Hex(value ?? EMPTY),
    headers: encodeHeaders(isTooLarge ? firstHeaders(record.headers) : record.headers),
    observedAtMs,
  };
}

/**
 * The record that was quarantined, for another attempt at decoding it; null if it was too large to be kept
 * whole. The log's own timestamp was not kept: no verdict depends on it.
 */
export function toLogRecord(quarantined: QuarantinedRecord): LogRecord | null {
  const { offset, key, value, headers } = quarantined;
  if (quarantined.reason === 'record_too_large') return null;
  return { offset, timestampMs: quarantined.observedAtMs, key, value, headers: decodeHeaders(headers) };
}

/** Headers as bytes: JSON, an array of `[name, value in base64 or null]` in the record's sequence. */
export function encodeHeaders(headers: readonly RecordHeader[]): Uint8Array {
  const pairs = headers.map(([name, value]) => {
    return [name, value === null ? null : Buffer.from(value).toString('base64')];
  });
  return Buffer.from(JSON.stringify(pairs), 'utf8');
}

/** What `encodeHeaders` encoded. */
export function decodeHeaders(bytes: Uint8Array): RecordHeader[] {
  const pairs = JSON.parse(Buffer.from(bytes).toString('utf8')) as [string, string | null][];
  return pairs.map(([name, value]) => [name, value === null ? null : Buffer.from(value, 'base64')]);
}

function firstHeaders(headers: readonly RecordHeader[]): RecordHeader[] {
  const kept: RecordHeader[] = [];
  let bytes = 0;
  for (const header of headers) {
    const [name, value] = header;
    bytes += name.length * 3 + (value === null ? 0 : value.length);
    if (bytes > KEPT_BYTES) break;
    kept.push(header);
  }
  return kept;
}
