import type { Decoder } from '../decode/decoder.ts';
import { looksLikeCloudEvent } from '../decode/forms/bodies.ts';
import { parsed } from '../decode/forms/kinds.ts';
import { announcesCloudEvent } from '../decode/headers.ts';
import { unreadIdHeader } from './header-fields.ts';
import type { SampledRecord } from './sample.ts';

/** What some records of a sample are, in words. */
export interface RecordForm {
  readonly form: string;
  readonly count: number;
}

/** Says what the records are, the most frequent form first. `plain` is a decoder without a source. */
export function formsOf(
  plain: Pick<Decoder<unknown>, 'decode'>,
  records: readonly SampledRecord[],
): RecordForm[] {
  const counts = new Map<string, number>();
  for (const sampled of records) {
    const form = formOf(plain, sampled);
    counts.set(form, (counts.get(form) ?? 0) + 1);
  }
  return [...counts].map(([form, count]) => ({ form, count })).sort((a, b) => b.count - a.count);
}

function formOf(plain: Pick<Decoder<unknown>, 'decode'>, { record, place }: SampledRecord): string {
  const decoded = plain.decode(record, place, 0);
  if (decoded.kind === 'rejected') return decoded.record.detail;
  const value = parsed(Buffer.from(record.value ?? []).toString('utf8'));
  if (value !== undefined && looksLikeCloudEvent(value)) return 'CloudEvents in structured mode';
  if (announcesCloudEvent(record.headers)) return 'CloudEvents in binary mode';
  const header = unreadIdHeader(record.headers);
  return header === undefined ? 'plain events' : `plain events, whose header ${header} is not read`;
}
