import { SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { openTelemetryTracing } from '../../../src/adapters/opentelemetry/index.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { LaneSpans } from '../../../src/pipeline/ingest/lane-spans.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import { NO_TRACING, SPAN_LINKS_MAX, type Tracing } from '../../../src/ports/tracing.ts';
import { event } from '../../contract/store/fixtures.ts';
import { recordSpans } from '../../helpers/spans.ts';

const RECORD: LogRecord = { offset: 0n, timestampMs: 1, key: null, value: null, headers: [] };

function traceOf(number: number) {
  return { traceParent: `00-0af7651916cd43dd8448eb211c80319c-${number.toString(16).padStart(16, '0')}-01` };
}

/** A piece of a partition with this many events, each in a trace of its own. */
function piece(topic: string, partition: number, count: number, from = 1) {
  const events = Array.from({ length: count }, (_, index) => ({
    ...event(`order-${index}`, from + index, { trace: traceOf(from + index) }),
    event: null,
  }));
  return { topic, partition, consumed: count, events };
}

const fetched = (topic: string, partition: number, records: number) => ({
  topic,
  partition,
  records: Array.from({ length: records }, () => RECORD),
  nextOffset: 9n,
  leaderEpoch: -1,
});

describe('the spans of a lane', () => {
  it('without an SDK, a batch is worked off and nothing is described', async () => {
    const pieces = [piece('orders', 0, 2)];
    const unread = new Proxy(pieces, {
      get: (): never => {
        throw new Error('A span reads the pieces.');
      },
    });
    const spans = new LaneSpans(NO_TRACING, 'group');
    expect(await spans.processing(unread, async () => true)).toBe(true);
  });

  it('a batch has one span for each topic, with links to the traces of its events', async () => {
    const spans = recordSpans();
    const lane = new LaneSpans(openTelemetryTracing('kafka'), 'group');
    const pieces = [piece('orders', 0, 2), piece('payments', 1, 1, 7), piece('orders', 3, 1, 5)];
    expect(await lane.processing(pieces, async () => true)).toBe(true);
    const [orders] = spans.named('process orders');
    expect(orders?.attributes).toMatchObject({
      'messaging.batch.message_count': 3,
      'messaging.consumer.group.name': 'group',
    });
    // The records are of two partitions.
    expect(orders?.attributes).not.toHaveProperty('messaging.destination.partition.id');
    expect(orders?.links.map(({ context }) => Number(`0x${context.spanId}`))).toEqual([1, 2, 5]);
    const [payments] = spans.named('process payments');
    expect(payments?.attributes).toMatchObject({
      'messaging.destination.partition.id': '1',
      'messaging.message.id': 'event-7',
      'kafka.offset': 7,
    });
  });

  it('a span names event, offset and key only if its batch is of one record', async () => {
    const spans = recordSpans();
    const lane = new LaneSpans(openTelemetryTracing('kafka'), 'group');
    const OF_ONE = ['messaging.message.id', 'kafka.offset', 'kafka.message.key'];
    const namedOf = (topic: string) =>
      OF_ONE.filter((name) => name in (spans.named(`process ${topic}`)[0]?.attributes ?? {}));
    await lane.processing([piece('one', 0, 1), piece('two', 0, 2)], async () => true);
    await lane.processing([{ ...piece('refused', 0, 1), consumed: 2 }], async () => true);
    expect([namedOf('one'), namedOf('two'), namedOf('refused')]).toEqual([OF_ONE, [], []]);
  });

  it('a batch has at most 128 links, and one for events of one trace', async () => {
    const spans = recordSpans();
    const lane = new LaneSpans(openTelemetryTracing('kafka'), 'group');
    await lane.processing([piece('many', 0, SPAN_LINKS_MAX + 50)], async () => true);
    const same = piece('same', 0, 3);
    const events = same.events.map((each) => ({ ...each, trace: traceOf(1) }));
    await lane.processing([{ ...same, events }], async () => true);
    expect(spans.named('process many')[0]?.links).toHaveLength(SPAN_LINKS_MAX);
    const asked: number[] = [];
    const counting: Tracing = {
      isOn: true,
      messagingSystem: 'kafka',
      begin(start) {
        asked.push(start.links?.length ?? 0);
        return NO_TRACING.begin(start);
      },
    };
    await new LaneSpans(counting, 'group').processing([piece('many', 0, 500)], async () => true);
    expect(asked).toEqual([SPAN_LINKS_MAX]);
    expect(spans.named('process same')[0]?.links).toHaveLength(1);
  });

  it.each([
    ['fenced', () => Promise.resolve(false), 'fenced'],
    [
      'refused by the store',
      () => Promise.reject<boolean>(new TributaryError('store_busy', 'busy')),
      'store_busy',
    ],
    ['struck by a defect', () => Promise.reject<boolean>(new TypeError('x')), 'defect'],
  ])('the span of a batch that is %s says so, and the outcome is passed on', async (_, work, errorType) => {
    const spans = recordSpans();
    const lane = new LaneSpans(openTelemetryTracing('kafka'), 'group');
    const outcome = await lane.processing([piece('orders', 0, 1)], work).catch((error: unknown) => error);
    expect(outcome).toEqual(errorType === 'fenced' ? false : expect.any(Error));
    expect(spans.all()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': errorType },
    });
  });

  it('what was taken has one span for each topic, from the moment at which the lane asked', () => {
    const spans = recordSpans();
    const lane = new LaneSpans(openTelemetryTracing('kafka'), 'group');
    const askedAtMs = 1_760_000_000_500;
    lane.polled([fetched('orders', 0, 3), fetched('orders', 1, 4), fetched('payments', 0, 1)], askedAtMs);
    lane.polled([], askedAtMs);
    expect(spans.all().map(({ name }) => name)).toEqual(['poll orders', 'poll payments']);
    expect(spans.named('poll orders')[0]).toMatchObject({
      startTime: [1_760_000_000, 500_000_000],
      attributes: { 'messaging.batch.message_count': 7, 'messaging.operation.type': 'receive' },
    });
  });
});
