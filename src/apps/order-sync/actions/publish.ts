import { readFile } from 'node:fs/promises';
import { text as textOfStream } from 'node:stream/consumers';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { partitionName } from '../../../core/offset.ts';
import { textFault } from '../../../pipeline/decode/forms/text-faults.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { NewRecord } from '../../../ports/event-log.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { isKafka, openEventLog } from '../../shared/parts/open-log.ts';
import { topicNamesOf, topicsOf } from '../../shared/settings/synced.ts';
import { decoderOf } from '../decoder-of.ts';
import type { OrderSyncSettings } from '../open-parts.ts';

/** The most events in one call of the log. */
const PIECE_EVENTS = 500;

export async function runPublish(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const records = await readRecords(context, clock, input.arguments[0]);
  const { settings, logger, output } = context;
  const log = await openEventLog(settings, clock, logger, { clientId: settings.synced.program });
  try {
    if (!isKafka(settings))
      await log.createTopics(topicsOf(settings).map((topic) => ({ topic, partitions: settings.partitions })));
    const producer = log.producer();
    try {
      for (let from = 0; from < records.length; from += PIECE_EVENTS) {
        for (const place of await producer.append(records.slice(from, from + PIECE_EVENTS))) {
          const { topic, partition, offset } = place;
          await output.row(
            { topic, partition, offset: String(offset) },
            `${partitionName(place)} at offset ${offset}`,
          );
        }
      }
    } finally {
      await producer.close();
    }
    await output.endRows();
    return EXIT.ok;
  } finally {
    await log.close();
  }
}

async function readRecords(
  { settings, host }: CommandContext<'order-sync'>,
  clock: Clock,
  file: string | undefined,
): Promise<NewRecord[]> {
  const text = await readText(file, host.stdin);
  const recordOf = reader(settings, clock);
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [recordOf(line.trim())];
    } catch (error) {
      throw new TributaryError('usage', `Line ${index + 1}: ${messageOf(error)} Nothing was published.`);
    }
  });
}

async function readText(file: string | undefined, stdin: NodeJS.ReadableStream): Promise<string> {
  try {
    return file === undefined ? await textOfStream(stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new TributaryError('usage', `${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Makes a function that turns a line into a record. It throws if the decoder would refuse the record. */
function reader(settings: OrderSyncSettings, clock: Clock): (line: string) => NewRecord {
  const { eventTypes } = settings.synced.domain;
  const names = topicNamesOf(settings);
  const decoder = decoderOf(settings, clock);
  return (line) => {
    const body = parsed(line);
    const type = isJsonObject(body) ? eventTypes[String(body.eventType)] : undefined;
    if (!isJsonObject(body) || type === undefined)
      throw new Error(`eventType is none of ${Object.keys(eventTypes).join(', ')}.`);
    const record: NewRecord = {
      topic: names[type.topic] ?? type.topic,
      key: Buffer.from(String(body[type.entityIdField] ?? '')),
      value: Buffer.from(line),
      headers: [],
    };
    const place = { topic: record.topic, partition: 0 };
    const decoded = decoder.decodePlain({ ...record, offset: 0n, timestampMs: 0 }, place, 0);
    if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
    return record;
  };
}

/** Throws an error that quotes nothing of the line. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Error(`It is not valid JSON: ${textFault(line, error)}.`);
  }
}
