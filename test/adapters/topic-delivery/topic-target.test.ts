import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openTopicTarget, type TopicTargetOptions } from '../../../src/adapters/topic-delivery/index.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { newDelivery } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { FakeProducer, headerOf } from './fake-producer.ts';

const never = new AbortController().signal;

function open(options: Partial<TopicTargetOptions> = {}) {
  const producer = new FakeProducer();
  const target = openTopicTarget({
    name: 'states',
    topic: 'order_states',
    producer,
    clock: { ...systemClock, now: () => Date.UTC(2026, 10, 22) },
    isReady: (body) => body.ready_to_send === true,
    source: '/tributary/order-sync',
    type: 'order.state',
    ...options,
  });
  return { producer, target };
}

const withdrawn = newDelivery({
  body: { order_id: 'order-1', ready_to_send: false, version: 4 },
  version: 4,
});

describe('a state on a topic', () => {
  it('a state becomes a record with the entity as its key, the row and version as its value, and headers that name it', async () => {
    const { producer, target } = open();
    await outcomesOf(target, [newDelivery({ entityId: 'a/🛒' })], never);
    const [record] = producer.appended;
    expect(record?.topic).toBe('order_states');
    expect(Buffer.from(record?.key ?? []).toString()).toBe('a/🛒');
    expect(JSON.parse(Buffer.from(record?.value ?? []).toString())).toEqual(newDelivery().body);
    const headers = Object.fromEntries(record?.headers.map(([name]) => [name, headerOf(record, name)]) ?? []);
    expect(headers).toEqual({
      'webhook-id': 'msg_contract-1',
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: 'msg_contract-1',
      ce_source: '/tributary/order-sync',
      ce_type: 'order.state',
      ce_time: '2026-11-22T00:00:00.000Z',
      ce_subject: 'a/🛒',
      ce_partitionkey: 'a/🛒',
    });
  });

  it('a state that no longer qualifies is no tombstone by default', async () => {
    const { producer, target } = open();
    await outcomesOf(target, [withdrawn], never);
    expect(producer.appended[0]?.value).not.toBeNull();
  });

  it('a state that does not qualify becomes a tombstone with all headers if tombstones are wanted, and no other state does', async () => {
    const { producer, target } = open({ tombstones: 'not_ready' });
    await outcomesOf(target, [withdrawn], never);
    await outcomesOf(target, [newDelivery()], never);
    expect(producer.appended.map(({ value }) => value === null)).toEqual([true, false]);
    expect(headerOf(producer.appended[0], 'webhook-id')).toBe('msg_contract-1');
  });

  it('a state that is too large is parked, and the others of its delivery batch are appended', async () => {
    const { producer, target } = open();
    producer.onAppend = async (records) => {
      if (records.some(({ key }) => Buffer.from(key ?? []).toString() === 'huge'))
        throw new TributaryError('log_record_too_large', 'Too large.');
    };
    const deliveries = ['a', 'huge', 'b'].map((entityId) => newDelivery({ entityId }));
    const outcomes = await outcomesOf(target, deliveries, never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'park', 'delivered']);
    expect(outcomes[1]?.error).toContain('Too large.');
  });

  it('the outcome comes when the append has ended, however late that is', async () => {
    const { producer, target } = open();
    const ended = Promise.withResolvers<void>();
    producer.onAppend = () => ended.promise;
    let outcomes: readonly DeliveryOutcome[] | null = null;
    target.deliver([newDelivery()], never, (settled) => {
      outcomes = settled;
    });
    await systemClock.sleep(300);
    expect(outcomes).toBeNull();
    ended.reject(new TributaryError('log_append_failed', 'Not appended.'));
    await vi.waitFor(() => expect(outcomes).toMatchObject([{ verdict: 'retry' }]));
    expect(target.isSlowToEnd).toBe(true);
  });

  it('other instances are shut out before the append if an earlier delivery of the entity may still be under way', async () => {
    const { producer, target } = open();
    await outcomesOf(target, [newDelivery(), newDelivery({ entityId: 'b' })], never);
    await outcomesOf(target, [newDelivery(), newDelivery({ entityId: 'b', isTakeover: true })], never);
    expect(producer.shutsOut).toEqual([false, true]);
  });

  it('they are shut out before each append, too, when the states of a delivery batch are appended one by one', async () => {
    const { producer, target } = open();
    producer.onAppend = async (records) => {
      if (records.length > 1) throw new TributaryError('log_record_too_large', 'Too large.');
    };
    await outcomesOf(target, [newDelivery(), newDelivery({ entityId: 'b', isTakeover: true })], never);
    expect(producer.shutsOut).toEqual([true, true, true]);
  });

  it('its producer is closed once the appends that are under way have ended', async () => {
    const { producer, target } = open();
    const ended = Promise.withResolvers<void>();
    producer.onAppend = () => ended.promise;
    const delivering = outcomesOf(target, [newDelivery()], never);
    await producer.arrival();
    const closing = target.close();
    await setImmediate();
    expect(producer.isClosed).toBe(false);
    ended.resolve();
    expect(await delivering).toMatchObject([{ verdict: 'delivered' }]);
    await closing;
    expect(producer.isClosed).toBe(true);
  });

  it('a delivery is disowned if another instance has shut this one out', async () => {
    const { producer, target } = open();
    producer.onAppend = () => Promise.reject(new TributaryError('log_shut_out', 'Shut out.'));
    expect(await outcomesOf(target, [newDelivery()], never)).toMatchObject([{ verdict: 'disowned' }]);
  });

  it('500 states are appended in one call', async () => {
    const { producer, target } = open();
    expect(target.maxDeliveryBatch).toBe(500);
    const deliveries = Array.from({ length: 500 }, (_, index) => newDelivery({ entityId: `order-${index}` }));
    expect(await outcomesOf(target, deliveries, never)).toHaveLength(500);
    expect(producer.asked).toHaveLength(1);
  });

  it('appended states can be read from the embedded log', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-states-'));
    const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
    onTestFinished(async () => {
      await log.close();
      await rm(folder, { recursive: true, force: true });
    });
    const { target } = open({ producer: log.producer() });
    expect(await outcomesOf(target, [newDelivery()], never)).toMatchObject([{ verdict: 'retry' }]);
    await log.createTopics([{ topic: 'order_states', partitions: 1 }]);
    expect(await outcomesOf(target, [newDelivery(), newDelivery({ entityId: 'b' })], never)).toMatchObject([
      { verdict: 'delivered' },
      { verdict: 'delivered' },
    ]);
    expect((await log.describe(['order_states']))[0]?.partitions[0]?.endOffset).toBe(2n);
    await target.close();
  });
});

describe('a defect', () => {
  const mistake = new TypeError('x is not a function');
  const deliveryOf = (number: number) => newDelivery({ entityId: `order-${number}` });

  it('a defect in the making of one record does not keep the others of its delivery batch from being appended', async () => {
    const { producer, target } = open({
      tombstones: 'not_ready',
      isReady: (body) => {
        if (body.order_id === 'bad') throw mistake;
        return true;
      },
    });
    const bad = newDelivery({ entityId: 'bad', body: { order_id: 'bad', version: 1 } });
    const outcomes = await outcomesOf(target, [deliveryOf(1), bad, deliveryOf(2)], never);
    expect(outcomes.map(({ verdict, defect }) => [verdict, defect])).toEqual([
      ['delivered', undefined],
      ['retry', mistake],
      ['delivered', undefined],
    ]);
    expect(producer.appended).toHaveLength(2);
    await target.close();
  });

  it('a defect of the log at one record does not keep the others of its delivery batch from being appended', async () => {
    const { producer, target } = open();
    producer.onAppend = async (records) => {
      if (records.some(({ key }) => Buffer.from(key ?? []).toString() === 'order-2')) throw mistake;
    };
    const outcomes = await outcomesOf(target, [1, 2, 3].map(deliveryOf), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'retry', 'delivered']);
    expect(outcomes[1]).toMatchObject({ defect: mistake, error: expect.stringContaining('TypeError') });
  });
});
