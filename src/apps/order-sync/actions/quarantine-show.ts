import { TributaryError } from '../../../core/errors.ts';
import { oneLine, quoted } from '../../../core/text.ts';
import { decodeUtf8 } from '../../../pipeline/decode/bytes.ts';
import type { Decoder } from '../../../pipeline/decode/decoder.ts';
import { decodeHeaders, isCut } from '../../../pipeline/decode/quarantine.ts';
import { judgeAgain } from '../../../pipeline/jobs/quarantine-redrive.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StoredQuarantine } from '../../../ports/quarantine.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { decoderOf } from '../decoder-of.ts';
import { openCommandStore } from '../open-parts.ts';
import { shownRecordJson } from '../quarantine-json.ts';
import { recordFrom } from '../quarantine-options.ts';

/** Records with different hashes at one offset come from topics that were made again. */
const SHOWN_MAX = 20;
/** A text or a hex dump shows this number of bytes. JSON has all of them. */
const SHOWN_BYTES = 4_096;

export async function runQuarantineShow(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const name = input.arguments[0] ?? '';
  const filter = recordFrom(name);
  const store = await openCommandStore(settings, clock, logger);
  try {
    const found = await store.readQuarantine({ ...filter, state: 'all', after: null, limit: SHOWN_MAX });
    if (found.length === 0)
      throw new TributaryError('usage', `${name} was never refused: see order-sync quarantine.`);
    const decoder = decoderOf(settings, clock);
    for (const record of found)
      await output.row(
        await shownRecordJson(settings.synced.domain, record, decoder, clock.now()),
        await textOf(record, decoder, clock.now()),
      );
    await output.endRows();
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

async function textOf(record: StoredQuarantine, decoder: Decoder<unknown>, nowMs: number): Promise<string> {
  const { topic, partition, offset, reason, detail, observedAtMs, valueLength, valueHash } = record;
  const { settlement, key, value } = record;
  const moment = (ms: number) => new Date(ms).toISOString();
  const state =
    settlement === null
      ? 'open'
      : `${settlement.settledAs} at ${moment(settlement.decidedAtMs)} by ${quoted(settlement.decidedBy, 255)}: ${quoted(settlement.reason, 1_000)}`;
  const cut = isCut(record) ? ', of which only the first were kept' : '';
  return [
    `${topic}/${partition} offset ${offset}`,
    `refused   ${moment(observedAtMs)}  ${reason}: ${oneLine(detail)}`,
    `today     ${await todayOf(record, decoder, nowMs)}`,
    `state     ${state}`,
    `key       ${key === null ? 'none' : bytesLine(key)}`,
    ...headerLines(record),
    `value     ${value === null ? 'none' : `${valueLength} bytes${cut}, SHA-256 ${valueHash}`}`,
    ...(value === null || value.length === 0 ? [] : ['', ...textLines(value), '', ...hexLines(value)]),
    '',
  ].join('\n');
}

async function todayOf(record: StoredQuarantine, decoder: Decoder<unknown>, nowMs: number): Promise<string> {
  const verdict = await judgeAgain(decoder, record, nowMs);
  if (verdict.kind === 'refused') return `refused too, ${verdict.reason}: ${oneLine(verdict.detail)}`;
  const { eventType, entityId } = verdict.event;
  return `passes: it is an event ${eventType} of ${quoted(entityId, 255)}`;
}

function headerLines({ headers }: StoredQuarantine): string[] {
  const read = decodeHeaders(headers);
  if (read === null) return ['headers   unreadable: somebody has altered them'];
  if (read.length === 0) return ['headers   none'];
  return read.map(([name, value]) => {
    const shown = typeof name === 'string' ? quoted(name, 255) : bytesLine(name);
    return `header    ${shown}: ${value === null ? 'null' : bytesLine(value)}`;
  });
}

/** The bytes on one line: as a text if they are UTF-8, else in hexadecimal. */
function bytesLine(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  return text === null ? `0x${Buffer.from(bytes.subarray(0, 255)).toString('hex')}` : quoted(text, 255);
}

/** The value as a text, in which everything but printable ASCII is escaped. */
function textLines(value: Uint8Array): string[] {
  const text = Buffer.from(value.subarray(0, SHOWN_BYTES)).toString('utf8');
  const isUtf8 = decodeUtf8(value) !== null;
  return [
    ...(isUtf8 ? [] : ['(not UTF-8: bytes that are no text are shown as \\ufffd)']),
    ...text.split('\n').map((line) => quoted(line, SHOWN_BYTES).slice(1, -1).replaceAll('\\"', '"')),
    ...more(value),
  ];
}

/** The value as a hex dump, 16 bytes on a line. */
function hexLines(value: Uint8Array): string[] {
  const lines: string[] = [];
  for (let from = 0; from < Math.min(value.length, SHOWN_BYTES); from += 16) {
    const bytes = Buffer.from(value.subarray(from, from + 16));
    const hex = bytes.toString('hex').replace(/(..)/g, '$1 ').padEnd(48);
    const text = bytes.toString('latin1').replace(/[^ -~]/g, '.');
    lines.push(`${from.toString(16).padStart(8, '0')}  ${hex} |${text}|`);
  }
  return [...lines, ...more(value)];
}

function more(value: Uint8Array): string[] {
  return value.length > SHOWN_BYTES ? [`... and ${value.length - SHOWN_BYTES} bytes more: see --json`] : [];
}
