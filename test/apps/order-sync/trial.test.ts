import { describe, expect, it } from 'vitest';
import { knownEventTypes } from '../../../src/apps/order-sync/event-types.ts';
import { Trial, type TriedEvent } from '../../../src/apps/order-sync/trial.ts';
import type { NewRecord } from '../../../src/ports/event-log.ts';
import { NO_TRACING } from '../../../src/ports/tracing.ts';
import { ordersOn } from './http/parts.ts';
import { decoder } from './quarantine-place.ts';

const CREATED = { orderId: 'a', orderStatus: 'CREATED', timestamp: '2026-05-01T00:00:00Z' };
const EVENT: TriedEvent = { eventType: 'ORDER', body: CREATED };

/** A trial whose log only remembers what is appended. */
function trialOf() {
  const appended: NewRecord[] = [];
  const made = { producers: 0, closed: 0 };
  const log = {
    producer: () => {
      made.producers++;
      return {
        append: async (records: readonly NewRecord[]) => {
          appended.push(...records);
          return records.map(({ topic }, index) => ({ topic, partition: 0, offset: BigInt(index) }));
        },
        close: async () => {
          made.closed++;
        },
      };
    },
  };
  const trial = new Trial({
    log: log as never,
    clock: { uuid: () => 'made-id' },
    tracing: NO_TRACING,
    decoder,
    eventTypes: knownEventTypes(ordersOn('order_events')),
  });
  return { trial, appended, made };
}

async function publishedIds(event: TriedEvent): Promise<unknown> {
  const outcome = await trialOf().trial.publish([event]);
  return outcome.kind === 'published' ? outcome.published.map(({ eventId }) => eventId) : outcome;
}

describe('a trial of events', () => {
  it('takes the event id that is given, else that of the body, else a new one', async () => {
    const withId = { ...EVENT, body: { ...CREATED, eventId: 'own-id' } };
    expect(await publishedIds(EVENT)).toEqual(['made-id']);
    expect(await publishedIds(withId)).toEqual(['own-id']);
    expect(await publishedIds({ ...EVENT, eventId: 'given-id' })).toEqual(['given-id']);
  });

  it('adds the type to a body that lacks it, and keeps the key that is given', async () => {
    const { trial, appended } = trialOf();
    await trial.publish([EVENT, { ...EVENT, key: 'a' }]);
    const bodies = appended.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()));
    expect(bodies).toEqual([
      { eventType: 'ORDER', ...CREATED },
      { eventType: 'ORDER', ...CREATED },
    ]);
    expect(appended.map(({ key }) => Buffer.from(key ?? []).toString())).toEqual(['a', 'a']);
  });

  it('publishes nothing, and makes no producer, if one of several events is wrong', async () => {
    const { trial, appended, made } = trialOf();
    const outcome = await trial.publish([EVENT, { eventType: 'REFUND', body: {} }, { ...EVENT, body: {} }]);
    expect(outcome).toMatchObject({
      kind: 'refused',
      errors: expect.arrayContaining([
        { pointer: '/events/1/eventType', detail: 'is no event type; the event types are ORDER, PAYMENT' },
        { pointer: '/events/2/body/orderId', detail: expect.any(String) },
      ]),
    });
    expect([appended, made.producers]).toEqual([[], 0]);
  });

  it('judges the event with the key that is given', async () => {
    const { trial, appended } = trialOf();
    const outcome = await trial.publish([{ ...EVENT, key: 'b' }]);
    expect(outcome).toMatchObject({ kind: 'refused', errors: [{ pointer: '/events/0' }] });
    expect(appended).toEqual([]);
  });

  it('uses one producer for all, and closes it, if it made one', async () => {
    const { trial, made } = trialOf();
    await trial.close();
    await trial.publish([EVENT]);
    await trial.publish([EVENT]);
    expect(made).toEqual({ producers: 1, closed: 0 });
    await trial.close();
    expect(made).toEqual({ producers: 1, closed: 1 });
  });
});
