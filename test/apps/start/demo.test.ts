import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { runDemo } from '../../../src/apps/start/demo.ts';
import type { EventLog } from '../../../src/ports/event-log.ts';
import { FakeProducer } from '../event-producer/fake-log.ts';

const STATUSES = ['PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_DECLINED'];

it('the demonstration publishes an event that comes twice under one id, and every other under its own', async () => {
  let asked = 0;
  vi.stubGlobal('fetch', async () =>
    Response.json({ payment_status: STATUSES[asked++ % STATUSES.length], version: 2 }),
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const producer = new FakeProducer();
  const printed: string[] = [];
  await runDemo({
    log: { producer: () => producer } as unknown as EventLog,
    topics: new Map([
      ['ORDER', 'order_events'],
      ['PAYMENT', 'payment_events'],
    ]),
    clock: systemClock,
    orderMgtUrl: 'http://localhost:4001',
    apiKey: 'key',
    print: (line) => printed.push(line),
  });
  const records = producer.appends.flat();
  const idsOf = (orderId: string) =>
    records
      .filter(({ key }) => String(key) === orderId)
      .map(({ headers }) => String(headers.find(([name]) => name === 'ce_id')?.[1]));
  const [, first, second] = idsOf('demo-5');
  expect(second).toBe(first);
  const ids = [1, 2, 3, 4, 5, 6].flatMap((number) => idsOf(`demo-${number}`));
  expect(new Set(ids).size).toBe(ids.length - 1);
  expect(records.at(-1)).toMatchObject({ topic: 'order_events', key: Buffer.from('demo-7') });
  expect(printed.join('\n')).toMatch(/demo-5 .*the payment came twice .*PAYMENT_AUTHORIZED, version 2/);
});
