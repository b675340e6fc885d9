import { describe, expect, it } from 'vitest';
import type { HttpTargetOptions } from '../../../src/adapters/http-delivery/index.ts';
import { parseBodyTemplate } from '../../../src/core/body-template.ts';
import { parseVerdictRules } from '../../../src/core/verdict-rules.ts';
import { parseSigningKeys, verify } from '../../../src/core/webhook-signature.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { never, serverOf, targetAt } from './place.ts';
import { answers, type ReceivedRequest } from './scripted-server.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function open(
  options: Partial<HttpTargetOptions>,
  script = answers(200, { 'webhook-batch': '9;path="batch"' }),
) {
  const server = await serverOf(script);
  const target = targetAt(server.url, { secrets: [secret], ...options });
  return { server, target };
}

function isSigned({ headers, body }: ReceivedRequest): boolean {
  const given = {
    id: String(headers['webhook-id']),
    timestamp: String(headers['webhook-timestamp']),
    signature: String(headers['webhook-signature']),
  };
  return verify(parseSigningKeys(secret, 'test'), given, body, Date.now()).ok;
}

const template = parseBodyTemplate(
  '{"customer.order.id": "{order_id}", "key": "{delivery_id}", "kind": "state"}',
  ['order_id', 'delivery_id'],
);
const MAPPED = { customer: { order: { id: 'order-1' } }, key: 'msg_contract-1', kind: 'state' };
const CLOUD_EVENT = { type: 'shop.order', source: '/shop' };

describe('a target that wants another body', () => {
  it('gets the one of its template, signed as it is sent', async () => {
    const { server, target } = await open({ template });
    expect((await singly(target).deliver(newDelivery(), never)).verdict).toBe('delivered');
    const [request] = server.received as [ReceivedRequest];
    expect(JSON.parse(request.body)).toEqual(MAPPED);
    expect(request.headers['content-type']).toBe('application/json');
    expect(isSigned(request)).toBe(true);
  });

  it('gets states singly, although it announces delivery batches', async () => {
    const { server, target } = await open({ template });
    await singly(target).deliver(newDelivery(), never);
    expect(target.maxDeliveryBatch).toBe(1);
    await outcomesOf(target, [newDelivery(), newDelivery({ deliveryId: 'msg_2' })], never);
    expect(server.received.map(({ path }) => path)).toEqual(Array(3).fill('/api/orders'));
  });

  it.each([
    ['the row', undefined, newDelivery().body],
    ['the body of the template', template, MAPPED],
  ])('gets a structured CloudEvent around %s', async (_what, ofTemplate, data) => {
    const { server, target } = await open({
      template: ofTemplate,
      cloudEvents: { ...CLOUD_EVENT, mode: 'structured' },
    });
    await singly(target).deliver(newDelivery(), never);
    const [request] = server.received as [ReceivedRequest];
    expect(request.headers['content-type']).toBe('application/cloudevents+json');
    expect(JSON.parse(request.body)).toEqual({
      specversion: '1.0',
      id: 'msg_contract-1',
      source: '/shop',
      type: 'shop.order',
      subject: 'order-1',
      datacontenttype: 'application/json',
      data,
    });
    expect(isSigned(request)).toBe(true);
  });

  it('gets a binary CloudEvent: the attributes as headers, in hex where a header cannot carry them', async () => {
    const { server, target } = await open({ cloudEvents: { ...CLOUD_EVENT, mode: 'binary' } });
    await singly(target).deliver(newDelivery({ entityId: 'a "\u00fc" 100% \u{1f9fe}' }), never);
    const [request] = server.received as [ReceivedRequest];
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'msg_contract-1',
      'ce-source': '/shop',
      'ce-type': 'shop.order',
      'ce-subject': 'a%20%22%C3%BC%22%20100%25%20%F0%9F%A7%BE',
    });
    expect(JSON.parse(request.body)).toEqual(newDelivery().body);
  });
});

describe('a target whose statuses mean something else', () => {
  it.each([
    [409, 'delivered'],
    [404, 'throttle'],
    [500, 'park'],
    [503, 'retry'],
    [422, 'park'],
    [200, 'delivered'],
  ])(
    'a %i is judged by the rules, or by the contract where they say nothing: %s',
    async (status, verdict) => {
      const verdicts = parseVerdictRules('409=delivered,404=throttle,5xx=retry,500=park');
      const { target } = await open({ verdicts }, answers(status));
      const outcome = await singly(target).deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict, status });
      expect(outcome.error === null).toBe(verdict === 'delivered');
    },
  );

  it('the members of a delivery batch are judged by the same rules', async () => {
    const verdicts = parseVerdictRules('409=delivered');
    const { target } = await open({ verdicts }, (response, request) => {
      response.writeHead(200, { 'webhook-batch': '9;path="batch"' });
      const results = ['msg_1', 'msg_2'].map((id, index) => ({ id, status: [409, 422][index] }));
      response.end(request.url?.endsWith('/batch') === true ? JSON.stringify({ results }) : '{}');
    });
    await singly(target).deliver(newDelivery(), never);
    const two = ['msg_1', 'msg_2'].map((deliveryId) => newDelivery({ deliveryId, entityId: deliveryId }));
    expect((await outcomesOf(target, two, never)).map(({ verdict }) => verdict)).toEqual([
      'delivered',
      'park',
    ]);
  });
});
