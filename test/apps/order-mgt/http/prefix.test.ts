import { createServer, request as httpRequest } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { openHttpTarget } from '../../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { newDelivery } from '../../../contract/delivery-target.ts';
import { outcomesOf } from '../../../contract/outcomes.ts';
import { listening } from '../../../helpers/listening.ts';
import { TestOrderMgt } from '../fixture.ts';

const PREFIX = '/shop';

/** A proxy as nginx is with `location /shop/ { proxy_pass http://.../; }`. Outside the prefix it answers 404. */
async function startProxy(to: string): Promise<{ readonly url: string; readonly paths: string[] }> {
  const { port } = new URL(to);
  const paths: string[] = [];
  const proxy = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    if (request.url?.startsWith(`${PREFIX}/`) !== true) {
      response.writeHead(404).end();
      return;
    }
    const onward = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: request.method,
        path: request.url.slice(PREFIX.length),
        headers: { ...request.headers, host: `127.0.0.1:${port}` },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  const url = `http://127.0.0.1:${await listening(proxy)}${PREFIX}/api/orders`;
  return { url, paths };
}

it('order-mgt behind a proxy that strips a prefix gets its delivery batches under the prefix', async () => {
  const orderMgt = await new TestOrderMgt().start({});
  const { url, paths } = await startProxy(orderMgt.url);
  const target = openHttpTarget({ name: 'test', url, secrets: [], clock: systemClock, logger: () => {} });
  onTestFinished(() => target.close());
  const deliveries = ['a', 'b', 'c'].map((id) =>
    newDelivery({
      deliveryId: `msg_${id}`,
      entityId: id,
      body: {
        order_id: id,
        order_status: 'CREATED',
        payment_status: 'PAYMENT_AUTHORIZED',
        review_status: null,
        ready_to_send: true,
        version: 1,
      },
    }),
  );
  const signal = new AbortController().signal;
  for (const group of [deliveries.slice(0, 1), deliveries.slice(1)]) {
    const outcomes = await outcomesOf(target, group, signal);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(group.map(() => 'delivered'));
  }
  expect(paths).toEqual([`POST ${PREFIX}/api/orders`, `POST ${PREFIX}/api/orders/batch`]);
});
