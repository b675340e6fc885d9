import { describe, expect, it, onTestFinished } from 'vitest';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { ACCEPTED, AUTHORIZED, created, OrderStore, paid } from '../../../helpers/order-store.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

async function server() {
  const place = await OrderStore.open();
  await place.journal([
    created('a', '10:00', { eventId: 'e1' }),
    paid('a', AUTHORIZED, '10:01', { eventId: 'e2' }),
  ]);
  const parts = place.parts();
  const app = buildServer({
    ...UNUSED_PARTS,
    store: place.store,
    clock: place.clock,
    ask: () => parts,
  });
  onTestFinished(() => app.close());
  const inject = heldInject(app);
  const ask = async (query: string, id = 'a') => {
    const { statusCode, body, headers } = await inject({ url: `/api/v1/orders/${id}?${query}` });
    return { status: statusCode, body: JSON.parse(body), headers };
  };
  return { place, app, ask };
}

describe('GET /api/v1/orders/{id}?after=', () => {
  it('answers as without it once the event has reached the stage', async () => {
    const { place, ask } = await server();
    const plain = await ask('');
    for (const query of ['after=e2', 'after=e2&stage=journaled', 'after=e1&stage=projected&wait=1'])
      expect(await ask(query), query).toMatchObject({ status: 200, body: plain.body });
    await place.settle('delivered');
    expect(await ask('after=e2&stage=delivered')).toMatchObject({ status: 200, body: plain.body });
  });

  it('waits for an event that is journaled meanwhile', async () => {
    const { place, ask } = await server();
    const waiting = ask('after=e3&wait=20');
    await place.journal([paid('a', ACCEPTED, '10:02', { eventId: 'e3' })]);
    expect(await waiting).toMatchObject({ status: 200, body: { version: 3 } });
  });

  it('answers 504 with what was reached when the time is over', async () => {
    const { place, ask } = await server();
    expect(await ask('after=nobody&wait=0.01')).toMatchObject({
      status: 504,
      body: {
        code: 'not_reached_yet',
        detail: 'The journal has no event of this order with this id yet.',
        stage: 'projected',
        reached: { journaled: false, version: null, projected: false, deliveries: [] },
      },
    });
    expect(await ask('after=e1', 'unknown')).toMatchObject({ status: 504 });
    expect(await ask('after=e2&stage=delivered')).toMatchObject({
      status: 504,
      body: {
        detail: 'The event is journaled, as version 2 of the order, and order-mgt has not accepted it yet.',
        reached: { version: 2, projected: true, deliveries: [{ target: 'order-mgt', status: 'pending' }] },
      },
    });
    await place.settle('dead', { status: 422 });
    expect((await ask('after=e2&stage=delivered')).body.detail).toMatch(/to order-mgt is dead until/);
    await place.park('a', [paid('a', ACCEPTED, '10:02', { eventId: 'e3' })], 'It throws.');
    expect((await ask('after=e3')).body.detail).toMatch(/the order is parked/);
  });

  it('refuses parts that it does not understand', async () => {
    const { ask } = await server();
    for (const [query, code] of [
      ['after=', 'question_invalid'],
      ['after=e1&after=e2', 'question_invalid'],
      ['after=e1&stage=sent', 'question_invalid'],
      ['stage=delivered', 'question_invalid'],
      ['wait=1', 'question_invalid'],
      ['colour=red', 'question_invalid'],
      ['after=e1&wait=31', 'wait_invalid'],
      ['after=e1&wait=-1', 'wait_invalid'],
      ['after=e1&wait=soon', 'wait_invalid'],
    ])
      expect(await ask(query as string), query).toMatchObject({ status: 400, body: { code } });
  });

  it('lets the next 100 readers wait once others have waited in vain', async () => {
    const { ask } = await server();
    for (let round = 0; round < 2; round++) {
      const vain = Array.from({ length: 100 }, () => ask('after=nobody&wait=0.01'));
      for (const { status } of await Promise.all(vain)) expect(status).toBe(504);
    }
  });

  it('lets 100 readers wait, and answers all of them when the server stops', async () => {
    const { app, ask } = await server();
    const waiting = Array.from({ length: 100 }, () => ask('after=nobody&wait=30'));
    expect(await ask('after=nobody&wait=30')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'too_many_waiting' },
    });
    expect((await ask('after=e1')).status).toBe(200);
    const closing = app.close();
    for (const { status, body } of await Promise.all(waiting))
      expect([status, body.code]).toEqual([503, 'stopping']);
    await closing;
  });
});
