import { TributaryError } from '../../../core/errors.ts';
import { parseRfc3339 } from '../../../core/time.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { siblingWith, unknownWord } from '../../shared/cli/usage-errors.ts';
import { createTimestamps, makeBody, type Pair, parsePairs } from '../codes.ts';
import { type OutgoingEvent, publish, type TopicsByEventType, toOutgoing } from '../publish.ts';
import { openSession, printPublished } from '../session.ts';

export async function runPublish(
  clock: Clock,
  otherCommands: readonly string[],
  context: CommandContext<'event-producer'>,
  input: CommandInput,
): Promise<number> {
  const { env } = context.host;
  const pairs = parsePairs(input.arguments, otherCommands, (word) =>
    siblingWith('event-producer', word) === null ? null : unknownWord('event-producer', word, env),
  );
  const details = readDetails(input, pairs);
  const session = await openSession(context, clock, input.options.createTopics === true);
  const events = makeEvents(pairs, details, clock, session.topics, context.settings.source);
  await printPublished(context, await publish(session.producer, events, session.tracing));
  await context.output.endRows();
  await session.tellPublished(events.length);
  return EXIT.ok;
}

interface Details {
  readonly revision: number | null;
  readonly eventId: string | null;
  readonly timestampMs: number | null;
}

function readDetails(input: CommandInput, pairs: readonly Pair[]): Details {
  const { revision, eventId, timestamp } = input.options;
  if (typeof eventId === 'string' && pairs.length > 1) {
    throw new TributaryError('usage', '--event-id names one event: give one pair with it.');
  }
  if (typeof eventId === 'string' && (eventId === '' || Buffer.byteLength(eventId) > 255)) {
    throw new TributaryError(
      'usage',
      `--event-id has ${Buffer.byteLength(eventId)} bytes: it needs 1 to 255.`,
    );
  }
  const revisionNumber = typeof revision === 'string' ? Number(revision) : null;
  if (revisionNumber !== null && !(Number.isSafeInteger(revisionNumber) && revisionNumber > 0)) {
    throw new TributaryError('usage', `--revision is "${revision}": give a whole number from 1.`);
  }
  const timestampMs = typeof timestamp === 'string' ? parseRfc3339(timestamp) : null;
  if (typeof timestamp === 'string' && timestampMs === null) {
    throw new TributaryError(
      'usage',
      `--timestamp is "${timestamp}": give a date and time with zone, as in 2025-04-05T02:26:30.265Z.`,
    );
  }
  return { revision: revisionNumber, eventId: typeof eventId === 'string' ? eventId : null, timestampMs };
}

function makeEvents(
  pairs: readonly Pair[],
  details: Details,
  clock: Clock,
  topics: TopicsByEventType,
  source: string,
): OutgoingEvent[] {
  const timestampOf = createTimestamps();
  const seen = new Map<string, number>();
  const { revision, eventId } = details;
  return pairs.map(({ code, orderId }) => {
    const before = seen.get(orderId) ?? 0;
    seen.set(orderId, before + 1);
    const body = makeBody(code, orderId, {
      timestampMs: timestampOf(orderId, details.timestampMs ?? clock.now()),
      ...(revision === null ? {} : { revision: revision + before }),
      ...(eventId === null ? {} : { eventId }),
    });
    return toOutgoing(body, { eventId: eventId ?? clock.uuid(), source, topics });
  });
}
