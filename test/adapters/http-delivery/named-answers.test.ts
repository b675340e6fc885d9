import { describe, expect, it } from 'vitest';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { never, serverOf, targetAt } from './place.ts';

const open = (url: string) => targetAt(url, { connections: 64 });

/** Delivers as order-sync does: the next delivery starts while the end of the last one is handled, and may get its connection. */
function deliverMany(
  url: string,
  count: number,
  attempt = 1,
): Promise<(DeliveryOutcome & { deliveryId: string })[]> {
  const target = open(url);
  const outcomes: (DeliveryOutcome & { deliveryId: string })[] = [];
  let begun = 0;
  return new Promise((resolve) => {
    const next = () => {
      if (begun === count) return;
      const deliveryId = `msg_${begun++}`;
      target.deliver([newDelivery({ deliveryId, attempt })], never, ([outcome]) => {
        outcomes.push({ ...(outcome as DeliveryOutcome), deliveryId });
        if (outcomes.length === count) resolve(outcomes);
        else next();
      });
    };
    for (let atOnce = 0; atOnce < 4; atOnce++) next();
  });
}

describe('the delivery_id in an answer', () => {
  const answering = (body: string, status = 200) =>
    serverOf((response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  const outcomeOf = async (body: string, status?: number) =>
    singly(open((await answering(body, status)).url)).deliver(newDelivery(), never);

  it('a delivery id of ours in the answer has to be that of the request', async () => {
    for (const body of [
      '{"delivery_id":"msg_contract-1","version":3}',
      '{"version":3, "delivery_id" : "msg_contract-1"}',
      '{"seen":[{"delivery_id":"msg_contract-0"}],"delivery_id":"msg_contract-1"}',
      '{"delivery_id":"4711"}',
      '{"delivery_id":null}',
      'delivery_id',
    ])
      expect(await outcomeOf(body), body).toMatchObject({ verdict: 'delivered', status: 200, error: null });
    for (const id of ['msg_contract-2', 'msg_contract-10', 'msg_contract-', 'msg_'])
      expect(await outcomeOf(`{"delivery_id":"${id}"}`), id).toMatchObject({
        verdict: 'retry',
        status: 200,
        error: expect.stringMatching(/^http:\S+ answered 200, but the answer names another delivery, /),
      });
  });

  it('the delivery id of the answer itself counts, and not one deeper inside it', async () => {
    for (const body of [
      '{"previous": {"delivery_id": "msg_contract-0"}, "delivery_id": "msg_contract-1"}',
      '{"duplicate_of":{"delivery_id":"msg_contract-0"}}',
      '{"delivery_id":"msg_contract\\u002d1"}',
    ])
      expect(await outcomeOf(body), body).toMatchObject({ verdict: 'delivered', error: null });
  });

  it('a refusal that names another delivery leaves the outcome unknown', async () => {
    expect(await outcomeOf('{"delivery_id":"msg_other"}', 422)).toMatchObject({
      verdict: 'retry',
      status: 422,
    });
  });

  for (const [status, stray] of [
    [200, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    [400, 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
  ] as const) {
    it(`a nameless ${status} decides nothing once answers have named their deliveries`, async () => {
      const stored = new Set<string>();
      const server = await serverOf((response, request, number) => {
        const id = String(request.headers['webhook-id']);
        const body = JSON.stringify({ delivery_id: id });
        if (number % 3 === 0) {
          stored.add(id);
          const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`;
          response.socket?.write(`${head}${body}${stray}`);
        } else {
          const isStored = number % 3 === 2;
          if (isStored) stored.add(id);
          response.writeHead(isStored ? 200 : 503).end(isStored ? body : '{}');
        }
      });
      const outcomes = await deliverMany(server.url, 300);
      const taken = outcomes
        .filter(({ verdict }) => verdict === 'delivered')
        .map(({ deliveryId }) => deliveryId);
      expect(taken.length).toBeGreaterThan(30);
      expect(taken.filter((id) => !stored.has(id))).toEqual([]);
      expect(outcomes.filter(({ verdict }) => verdict === 'park')).toEqual([]);
    });
  }

  it('an answer to a second attempt counts without a delivery id', async () => {
    const server = await serverOf((response, request) => {
      const id = String(request.headers['webhook-id']);
      if (id.endsWith('7')) response.writeHead(422).end();
      else response.writeHead(200).end(JSON.stringify({ delivery_id: id }));
    });
    const first = await deliverMany(server.url, 100);
    const again = await deliverMany(server.url, 100, 2);
    const refused = (outcomes: typeof first) => outcomes.filter(({ status }) => status === 422);
    expect(refused(first)).toHaveLength(10);
    expect(refused(first).map(({ verdict }) => verdict)).toContain('retry');
    expect(refused(again).map(({ verdict }) => verdict)).toEqual(Array(10).fill('park'));
  });

  it('the answers of a target that answers twice are told apart, whenever the second one comes', async () => {
    const server = await serverOf((response, request, number) => {
      const id = String(request.headers['webhook-id']);
      const body = JSON.stringify({ delivery_id: id });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      const again = () => {
        request.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      };
      if (number % 3 === 0) setImmediate(again);
      if (number % 3 === 1) setTimeout(again, number % 4);
    });
    const outcomes = await deliverMany(server.url, 300);
    const taken = outcomes
      .filter(({ verdict }) => verdict === 'delivered')
      .map(({ deliveryId, answer }) => `${deliveryId} by ${answer}`);
    for (const each of taken) expect(each).toMatch(/^(msg_\d+) by \{"delivery_id":"\1"\}$/);
    // Most are answered before a second answer can come.
    expect(taken.length).toBeGreaterThan(30);
    expect(outcomes.filter(({ verdict }) => verdict !== 'delivered' && verdict !== 'retry')).toEqual([]);
  });
});
