import { get, post } from '../../api/client.ts';
import { orderPath, pathOf } from '../../api/paths.ts';
import { ProblemError } from '../../api/problem.ts';
import type { Tried } from '../../api/types.ts';
import type { TriedEvent } from './scenarios.ts';

/** How far a published event is. */
export interface Watched {
  readonly key: string;
  readonly words: string;
  readonly orderId: string;
  readonly eventId: string;
  readonly publishedMs: number;
  /** The milliseconds until it was journaled, and until the targets had it; null while that has not happened. */
  readonly journaledMs: number | null;
  readonly deliveredMs: number | null;
  /** What is known of the end; null while it goes on. */
  readonly end: string | null;
}

const WAIT_SECONDS = 10;

/** Publishes one event, and tells how far it is until every target has it, or nothing of it is due. */
export async function publishAndWatch(
  event: TriedEvent,
  words: string,
  onChange: (watched: Watched) => void,
): Promise<{ readonly delivered: Promise<void> }> {
  const { published } = await post<Tried>('/api/v1/try', { events: [event] });
  const [first] = published;
  if (first === undefined) throw new Error('order-sync published nothing.');
  const { orderId, eventId } = first;
  const publishedMs = Date.now();
  let watched: Watched = {
    key: `${eventId} ${publishedMs}`,
    words,
    orderId,
    eventId,
    publishedMs,
    journaledMs: null,
    deliveredMs: null,
    end: null,
  };
  const tell = (change: Partial<Watched>) => {
    watched = { ...watched, ...change };
    onChange(watched);
  };
  tell({});
  return { delivered: watch(orderId, eventId, publishedMs, tell) };
}

async function watch(
  orderId: string,
  eventId: string,
  publishedMs: number,
  tell: (change: Partial<Watched>) => void,
): Promise<void> {
  const reached = (stage: 'journaled' | 'delivered') =>
    get(pathOf(orderPath(orderId), { after: eventId, stage, wait: WAIT_SECONDS }));
  try {
    await reached('journaled');
    tell({ journaledMs: Date.now() - publishedMs });
    await reached('delivered');
    tell({ deliveredMs: Date.now() - publishedMs, end: 'done' });
  } catch (error) {
    const isSlow = error instanceof ProblemError && error.code === 'not_reached_yet';
    tell({
      end: isSlow
        ? `not there after ${WAIT_SECONDS} s`
        : error instanceof Error
          ? error.message
          : String(error),
    });
  }
}
