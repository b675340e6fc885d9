import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { QUARANTINE_REASONS } from '../../../pipeline/decode/reasons.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { QuarantinedRecord } from '../../../ports/store.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandInput, CommandSpec } from '../../shared/cli/spec.ts';
import { suggest } from '../../shared/cli/suggest.ts';
import { openCommandStore } from '../order-sync.ts';

/** At most 25 records are in memory at once, since a record may have 8 MiB. */
const PAGE_ROWS = 25;
const LIMIT_DEFAULT = 50;
/** A line of text shows the first 1,000 characters of a key or a value. */
const SHOWN_CHARACTERS = 1_000;

export function quarantineCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'quarantine',
    summary: 'Show the records that are no events: the place of each, why it was refused, and when.',
    options: [
      ['--topic <name>', 'Show only records of this topic.'],
      ['--reason <word>', 'Show only records with this reason, as in json_invalid.'],
      ['--limit <number>', `Show at most this number of records (default: ${LIMIT_DEFAULT}).`],
      ['--values', 'Show keys and values too. They may be confidential.'],
    ],
    examples: [
      ['order-sync quarantine', `The first ${LIMIT_DEFAULT}, by topic, partition and offset`],
      [
        'order-sync quarantine --reason json_invalid --values',
        'Records with one reason, with their keys and values',
      ],
      ['order-sync quarantine --limit 1000 --json', 'The same as JSON'],
    ],
    async run({ settings, logger, output, note }, input) {
      const { topic, reason, limit, hasValues } = readOptions(input);
      const store = openCommandStore(settings, clock, logger);
      try {
        let shown = 0;
        let after: QuarantinedRecord | null = null;
        let isMore = false;
        for (;;) {
          const page: QuarantinedRecord[] = await store.readQuarantine({
            after,
            limit: Math.min(PAGE_ROWS, limit - shown + 1),
            ...(topic === undefined ? {} : { topic }),
            ...(reason === undefined ? {} : { reason }),
          });
          for (const record of page) {
            isMore = shown === limit;
            if (isMore) break;
            await output.row(jsonOf(record, hasValues), lineOf(record, hasValues));
            shown++;
          }
          after = page.at(-1) ?? null;
          if (isMore || page.length === 0) break;
        }
        await output.endRows();
        if (shown === 0)
          note(
            topic === undefined && reason === undefined
              ? 'Quarantine is empty: every record so far was an event.'
              : 'No such record is in quarantine.',
          );
        if (isMore)
          note(`There are more: these are the first ${limit}. See others by --limit, --topic or --reason.`);
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}

function readOptions({ options }: CommandInput) {
  const { topic, reason, limit } = options;
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(String(limit)))
    throw new TributaryError('usage', 'Give --limit a whole number from 1.');
  if (typeof reason === 'string' && !QUARANTINE_REASONS.some((known) => known === reason)) {
    const nearest = suggest(reason, QUARANTINE_REASONS);
    throw new TributaryError(
      'usage',
      `--reason is ${JSON.stringify(reason)}, which is no reason: ${
        nearest === null ? 'docs/quarantine.md has them all' : `did you mean ${nearest}?`
      }`,
    );
  }
  return {
    topic: typeof topic === 'string' ? topic : undefined,
    reason: typeof reason === 'string' ? reason : undefined,
    limit: limit === undefined ? LIMIT_DEFAULT : Number(limit),
    hasValues: options.values === true,
  };
}

function jsonOf(record: QuarantinedRecord, hasValues: boolean): object {
  const { topic, partition, offset, reason, detail, observedAtMs, valueLength, valueHash } = record;
  const quarantinedAt = new Date(observedAtMs).toISOString();
  const place = { topic, partition, offset, reason, detail, quarantinedAt, valueLength, valueHash };
  if (!hasValues) return place;
  const base64 = (bytes: Uint8Array | null) =>
    bytes === null ? null : Buffer.from(bytes).toString('base64');
  return {
    ...place,
    keyBase64: base64(record.key),
    valueBase64: base64(record.value),
    headers: JSON.parse(Buffer.from(record.headers).toString('utf8') || '[]'),
  };
}

function lineOf(record: QuarantinedRecord, hasValues: boolean): string {
  const { topic, partition, offset, reason, detail, observedAtMs, valueLength } = record;
  const at = new Date(observedAtMs).toISOString();
  const line = `${topic}/${partition} offset ${offset}  ${reason}  ${at}  ${quoted(detail, SHOWN_CHARACTERS)}`;
  if (!hasValues) return line;
  const shown = (bytes: Uint8Array | null) =>
    bytes === null ? 'none' : quoted(Buffer.from(bytes).toString('utf8'), SHOWN_CHARACTERS);
  return `${line}  key ${shown(record.key)}  value (${valueLength} bytes) ${shown(record.value)}`;
}
