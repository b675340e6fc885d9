import { expect, it } from 'vitest';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { never, serverOf, targetAt } from './place.ts';

/** Answers with these lines as they are. Node would change the capitals of names. */
function raw(status: string, lines: readonly string[], body = '') {
  return serverOf((response) => {
    const head = [`HTTP/1.1 ${status}`, ...lines, `CoNtEnT-LeNgTh: ${body.length}`, '', ''].join('\r\n');
    response.socket?.write(head + body);
  });
}

async function deliverTo(...given: Parameters<typeof raw>) {
  const server = await raw(...given);
  return singly(targetAt(server.url)).deliver(newDelivery(), never);
}

it('takes a redirect whose Location comes twice as a redirect to the first place', async () => {
  const outcome = await deliverTo('301 Moved', [
    'LOCATION: https://a.test/x?key=hush',
    'location: https://b.test/',
  ]);
  expect(outcome).toMatchObject({ verdict: 'retry', status: 301 });
  expect(outcome.error).toContain('to https://a.test/x; redirects');
  expect(outcome.error).not.toContain('hush');
});

it('takes the longest of several Retry-After in any capitals', async () => {
  const outcome = await deliverTo('429 Slow', ['RETRY-after: 1.5', 'Retry-After: 7', 'rEtRy-AfTeR: 3']);
  expect(outcome).toMatchObject({ verdict: 'throttle', retryAfterMs: 7_000 });
});

it.each([
  ['WWW-AUTHENTICATE: Negotiate', 'www-authenticate: Bearer realm="x"'],
  ['Www-Authenticate: Negotiate, Bearer realm="x"'],
])('finds the scheme that it can do among those of %s', async (...lines) => {
  expect((await deliverTo('401 No', lines)).advice).toContain('It wants a bearer token');
});

it('takes the first of two dates to compare the clocks', async () => {
  const outcome = await deliverTo('401 No', [
    'DATE: Sun, 06 Nov 1994 08:49:37 GMT',
    'Date: Sun, 06 Nov 1994 08:49:38 GMT',
  ]);
  expect(outcome.error).toContain("ahead of the target's");
});

it('takes the same announcement of delivery batches that comes twice as one', async () => {
  const server = await raw('200 OK', ['WEBHOOK-Batch: 5;path="batch"', 'webhook-batch: 5;path="batch"']);
  const target = targetAt(server.url);
  await singly(target).deliver(newDelivery(), never);
  await outcomesOf(target, [newDelivery(), newDelivery({ entityId: 'another', deliveryId: 'msg_2' })], never);
  expect(server.received.map(({ path }) => path)).toEqual(['/api/orders', '/api/orders/batch']);
});
