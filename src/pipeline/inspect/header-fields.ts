import type { LoggedHeader } from '../../ports/event-log.ts';
import { asBuffer, sha256Hex } from '../decode/bytes.ts';
import { alike } from '../decode/forms/kinds.ts';
import { HEADER_PLACE } from '../decode/source/field-names.ts';
import { headerText } from '../decode/source/header-text.ts';
import { type BodyOfRecord, FITS_A_SETTING } from './fields.ts';
import type { Leaf } from './leaves.ts';

/* What the headers of records hold. */

/** The headers as leaves, but for those of CloudEvents, which a source of its own reads, and those of serializers. */
export function headerLeaves(records: readonly BodyOfRecord[]): Leaf[] {
  const names = new Set(records.flatMap(({ record: { headers } }) => headers.map(([name]) => name)));
  return [...names].slice(0, HEADERS_MAX).flatMap((name) => {
    if (typeof name !== 'string' || !FITS_A_SETTING.test(name) || /^(ce_|__)/.test(name)) return [];
    const values = records.flatMap(({ record: { headers } }, body) => {
      const value = headerText(headers, name);
      return value === null ? [] : [{ body, value }];
    });
    return values.length === 0 ? [] : [{ place: `${HEADER_PLACE}${name}`, names: [name], values }];
  });
}

/** The most headers of different names that are looked at. */
const HEADERS_MAX = 100;

export const EVENT_IDS: readonly string[] = ['ceid', 'cloudeventsid', 'eventid', 'xeventid'];
/** Headers with the id of a message, as libraries for messages write them. */
export const MESSAGE_IDS: readonly string[] = 'messageid,axonmessageid,nservicebusmessageid,rbs2msgid'.split(
  ',',
);

/** The header with the id of the event, by its name. Undefined if different records have the same text in it. */
export function idHeader(records: readonly BodyOfRecord[], ids: readonly string[]): string | undefined {
  const name = records
    .map(({ record }) => unreadIdHeader(record.headers, ids))
    .find((each) => each !== undefined);
  if (name === undefined) return undefined;
  const contents = new Map<string, string>();
  for (const { record } of records) {
    const id = headerText(record.headers, name);
    if (id === null) continue;
    const content = sha256Hex(asBuffer(record.value ?? Buffer.alloc(0)));
    if ((contents.get(id) ?? content) !== content) return undefined;
    contents.set(id, content);
  }
  return name;
}

/**
 * The header that holds the id of the event as CloudEvents names it on other ways than Kafka's, or that is named like our field.
 * Undefined without one, and beside the one that is read.
 */
export function unreadIdHeader(headers: readonly LoggedHeader[], ids = EVENT_IDS): string | undefined {
  if (headers.some(([name]) => name === 'ce_id')) return undefined;
  const name = headers.find((header) => isIdHeader(header, ids))?.[0];
  return typeof name === 'string' && FITS_A_SETTING.test(name) ? name : undefined;
}

function isIdHeader([name, value]: LoggedHeader, ids: readonly string[]): boolean {
  if (typeof name !== 'string' || value === null || value.length === 0) return false;
  return ids.includes(alike(name).replaceAll(/[:.]/g, ''));
}
