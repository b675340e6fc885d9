import { entityWords } from '../../core/entity-words.ts';
import { decodeUtf8 } from '../../pipeline/decode/bytes.ts';
import type { Decoder } from '../../pipeline/decode/decoder.ts';
import { decodeHeaders, isCut } from '../../pipeline/decode/quarantine.ts';
import { judgeAgain } from '../../pipeline/jobs/quarantine-redrive.ts';
import type { LoggedHeader } from '../../ports/event-log.ts';
import type { QuarantineSettlement, StoredQuarantine } from '../../ports/quarantine.ts';
import type { AnsweredDomain } from './ask-json.ts';

/** An order's id has no more bytes, and mostly the key is one. */
const KEY_TEXT_BYTES = 255;

/** The key as a text; null if there is none, if it is no UTF-8, or if it is longer than an order's id may be. */
export function keyTextOf({ key }: Pick<StoredQuarantine, 'key'>): string | null {
  return key === null || key.length > KEY_TEXT_BYTES ? null : decodeUtf8(key);
}

/** A quarantined record as lists show it: its place, its key if that is a short text, and no other content. */
export function quarantineJson(record: StoredQuarantine): object {
  const { topic, partition, offset, reason, detail, observedAtMs, valueLength, valueHash } = record;
  return {
    topic,
    partition,
    offset: offset.toString(),
    reason,
    detail,
    keyText: keyTextOf(record),
    quarantinedAt: moment(observedAtMs),
    valueLength,
    valueHash,
    settled: settlementJson(record.settlement),
  };
}

/** A quarantined record with its content, and with the verdict of today. */
export async function shownRecordJson(
  domain: Pick<AnsweredDomain, 'idMember'>,
  record: StoredQuarantine,
  decoder: Decoder<unknown>,
  nowMs: number,
): Promise<object> {
  const headers = decodeHeaders(record.headers);
  return {
    ...quarantineJson(record),
    isWhole: !isCut(record),
    key: bytesJson(record.key),
    value: bytesJson(record.value),
    headers: headers?.map(headerJson) ?? null,
    today: await todayJson(domain, record, decoder, nowMs),
  };
}

/** The bytes in base64, and as a text if they are UTF-8. */
function bytesJson(bytes: Uint8Array | null): object | null {
  if (bytes === null) return null;
  return { base64: Buffer.from(bytes).toString('base64'), text: decodeUtf8(bytes) };
}

function headerJson([name, value]: LoggedHeader): object {
  return {
    name: typeof name === 'string' ? name : { base64: Buffer.from(name).toString('base64') },
    value: bytesJson(value),
  };
}

async function todayJson(
  domain: Pick<AnsweredDomain, 'idMember'>,
  record: StoredQuarantine,
  decoder: Decoder<unknown>,
  nowMs: number,
): Promise<object> {
  const verdict = await judgeAgain(decoder, record, nowMs);
  if (verdict.kind === 'refused') return { passes: false, reason: verdict.reason, detail: verdict.detail };
  const { entityId, eventType, eventId } = verdict.event;
  return { passes: true, [entityWords(domain).idMember]: entityId, eventType, eventId };
}

export function settlementJson(settlement: QuarantineSettlement | null): object | null {
  if (settlement === null) return null;
  const { settledAs, decidedBy, reason, decidedAtMs } = settlement;
  return { as: settledAs, by: decidedBy, reason, at: moment(decidedAtMs) };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}
