import { entityWords } from '../../../core/entity-words.ts';
import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { parseRfc3339 } from '../../../core/time.ts';
import { type TailedRecord, tail } from '../../../pipeline/ask/tail.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { createOutput } from '../../shared/cli/output.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { topicsOf } from '../../shared/settings/synced.ts';
import type { AnsweredDomain } from '../ask-json.ts';
import { iso } from '../ask-json.ts';
import { durationOf, QuestionFault } from '../ask-query.ts';
import { decoderOf } from '../decoder-of.ts';
import { type OrderSyncSettings, openParts } from '../open-parts.ts';

const ID_CHARACTERS = 255;

export async function runTail(
  clock: Clock,
  { settings, logger, host, note, output, shutdown }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { domain } = settings.synced;
  const filter = filterOf(input, settings);
  const sinceMs = sinceOf(input, clock.now());
  const most = limitOf(input);
  // A stream that never ends is no JSON array, so each row is a line of JSON.
  const rows = output.format === 'json' ? createOutput(host.stdout, 'jsonl') : output;
  const { store: opened, log, close } = await openParts(settings, clock, logger);
  try {
    const reading = await opened.toRead(domain.view);
    const decoder = decoderOf(settings, clock);
    const store = {
      checkpoints: () => opened.checkpoints(),
      readJournals: (ids: readonly string[], maxEvents?: number) => reading.readJournals(ids, maxEvents),
    };
    const parts = { log, store, decoder, clock, topics: filter.topics };
    let shown = 0;
    for await (const tailed of tail(parts, { sinceMs, signal: shutdown.signal })) {
      if (tailed.kind === 'note') note(tailed.text);
      else if (filter.isWanted(tailed)) {
        await rows.row(jsonOf(domain, tailed), lineOf(tailed));
        shown++;
      }
      if (shown >= most || shutdown.signal.aborted) break;
    }
    return EXIT.ok;
  } finally {
    await close();
  }
}

function filterOf({ options }: CommandInput, settings: OrderSyncSettings) {
  const topics = topicsOf(settings);
  const types = settings.synced.domain.eventTypes;
  const { topic, type, order } = options;
  if (topic !== undefined && !topics.includes(String(topic)))
    throw new TributaryError('usage', `--topic is one of ${topics.join(', ')}.`);
  if (type !== undefined && !Object.hasOwn(types, String(type)))
    throw new TributaryError('usage', `--type is one of ${Object.keys(types).join(', ')}.`);
  return {
    topics: topic === undefined ? topics : [String(topic)],
    isWanted: ({ entityId, event }: TailedRecord) =>
      (order === undefined || entityId === order) && (type === undefined || event?.eventType === type),
  };
}

function sinceOf({ options }: CommandInput, nowMs: number): number | null {
  const { since } = options;
  if (typeof since !== 'string') return null;
  const moment = parseRfc3339(since);
  if (moment !== null) return moment;
  try {
    return nowMs - durationOf('since', since);
  } catch (error) {
    if (!(error instanceof QuestionFault)) throw error;
    throw new TributaryError(
      'usage',
      '--since is a moment of RFC 3339, or a time such as 90s, 15m, 1h or 2d.',
    );
  }
}

function limitOf({ options }: CommandInput): number {
  if (options.limit === undefined) return Number.POSITIVE_INFINITY;
  const limit = /^\d{1,12}$/.test(String(options.limit)) ? Number(options.limit) : 0;
  if (limit > 0) return limit;
  throw new TributaryError('usage', '--limit is a whole number from 1 on.');
}

function jsonOf(domain: Pick<AnsweredDomain, 'idMember'>, record: TailedRecord): object {
  const { topic, partition, offset, timestampMs, outcome, entityId, event, refusal } = record;
  return {
    topic,
    partition,
    offset: String(offset),
    recordedAt: iso(timestampMs),
    outcome,
    [entityWords(domain).idMember]: entityId,
    eventType: event?.eventType ?? null,
    eventId: event?.eventId ?? null,
    revision: event?.revision ?? null,
    occurredAt: event === null ? null : iso(event.occurredAtMs),
    reason: refusal?.reason ?? null,
    detail: refusal?.detail ?? null,
  };
}

function lineOf(record: TailedRecord): string {
  const { topic, partition, offset, timestampMs, outcome, entityId, event, refusal } = record;
  const id = entityId === null ? 'no key' : quoted(entityId, ID_CHARACTERS);
  const place = `${iso(timestampMs)}  ${topic}/${partition} offset ${offset}  ${outcome}  ${id}`;
  if (event !== null)
    return `${place}  ${event.eventType}  ${quoted(event.eventId)}  occurred ${iso(event.occurredAtMs)}`;
  return `${place}  ${refusal?.reason ?? ''}  ${quoted(refusal?.detail ?? '', ID_CHARACTERS)}`;
}
