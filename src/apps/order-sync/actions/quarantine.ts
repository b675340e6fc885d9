import { quoted } from '../../../core/text.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StoredQuarantine } from '../../../ports/quarantine.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { LIMIT_DEFAULT } from '../commands/quarantine.ts';
import { limitFrom } from '../limit.ts';
import { openCommandStore } from '../open-parts.ts';
import { isEmptyQuarantineFilter } from '../quarantine-filter.ts';
import { keyTextOf, quarantineJson } from '../quarantine-json.ts';
import { quarantineFilterFrom } from '../quarantine-options.ts';

/** At most 25 records are in memory at once, since a record may have 8 MiB. */
const PAGE_ROWS = 25;
/** A line of text shows the first 1,000 characters of a key or a value. */
const SHOWN_CHARACTERS = 1_000;

export async function runQuarantine(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const filter = quarantineFilterFrom(input, 'reason');
  const limit = limitFrom(input, LIMIT_DEFAULT);
  const hasValues = input.options.values === true;
  const isSettled = input.options.settled === true;
  const store = await openCommandStore(settings, clock, logger);
  try {
    let shown = 0;
    let after: StoredQuarantine | null = null;
    let isMore = false;
    for (;;) {
      const page: StoredQuarantine[] = await store.readQuarantine({
        ...filter,
        state: isSettled ? 'settled' : 'open',
        after,
        limit: Math.min(PAGE_ROWS, limit - shown + 1),
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
        isEmptyQuarantineFilter(filter) && !isSettled
          ? 'Quarantine is empty: every record so far was an event, or was settled.'
          : 'No such record is in quarantine.',
      );
    if (isMore)
      note(`There are more: these are the first ${limit}. See others by --limit, --topic or --reason.`);
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

function jsonOf(record: StoredQuarantine, hasValues: boolean): object {
  if (!hasValues) return quarantineJson(record);
  const base64 = (bytes: Uint8Array | null) =>
    bytes === null ? null : Buffer.from(bytes).toString('base64');
  return {
    ...quarantineJson(record),
    keyBase64: base64(record.key),
    valueBase64: base64(record.value),
    headers: JSON.parse(Buffer.from(record.headers).toString('utf8') || '[]'),
  };
}

function lineOf(record: StoredQuarantine, hasValues: boolean): string {
  const { topic, partition, offset, reason, detail, observedAtMs, valueLength, key, value } = record;
  const at = new Date(observedAtMs).toISOString();
  const settled = record.settlement === null ? '' : `  ${record.settlement.settledAs}`;
  const shown = (bytes: Uint8Array | null) =>
    bytes === null ? 'none' : quoted(Buffer.from(bytes).toString('utf8'), SHOWN_CHARACTERS);
  const line = `${topic}/${partition} offset ${offset}  ${reason}  ${at}${settled}  ${quoted(detail, SHOWN_CHARACTERS)}`;
  if (hasValues) return `${line}  key ${shown(key)}  value (${valueLength} bytes) ${shown(value)}`;
  const isShown = key === null || keyTextOf(record) !== null;
  return `${line}  key ${isShown ? shown(key) : `of ${key.length} bytes`}`;
}
