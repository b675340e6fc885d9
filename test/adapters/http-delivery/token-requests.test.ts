import { createServer, request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { HttpTargetOptions } from '../../../src/adapters/http-delivery/index.ts';
import { openTelemetryTracing } from '../../../src/adapters/opentelemetry/index.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { listening } from '../../helpers/listening.ts';
import { recordSpans } from '../../helpers/spans.ts';
import { never, serverOf, targetAt } from './place.ts';

const OFFER = { 'webhook-batch': '9;path="batch"' };

/** A token endpoint that gives t1, t2 and so on, and a target that takes the latest of them and delivery batches. */
async function place(options: Partial<HttpTargetOptions> = {}) {
  let accepted = 'Bearer t1';
  // Nobody needs as many tokens as this, so a request that asks for ever ends here.
  const tokens = await serverOf((response, _request, number) => {
    response.statusCode = number > 20 ? 500 : 200;
    response.end(`{"access_token":"t${number}","token_type":"Bearer","expires_in":3600}`);
  });
  const server = await serverOf((response, request) => {
    const isAccepted = request.headers.authorization === accepted;
    const results = ['msg_2', 'msg_3'].map((id) => ({ id, status: 200 }));
    response.writeHead(isAccepted ? 200 : 401, OFFER).end(JSON.stringify({ results }));
  });
  const target = targetAt(server.url, {
    oauth: { tokenUrl: `${new URL(tokens.url).origin}/token`, clientId: 'a', clientSecret: 'b' },
    ...options,
  });
  return {
    tokens,
    server,
    target,
    send: () => singly(target).deliver(newDelivery(), never),
    sendTwo: () =>
      outcomesOf(
        target,
        [newDelivery({ deliveryId: 'msg_2' }), newDelivery({ deliveryId: 'msg_3', entityId: 'order-3' })],
        never,
      ),
    /** From now on the target takes this token alone. */
    revoke(token: string) {
      accepted = `Bearer ${token}`;
    },
    asked: () => server.received.map(({ path, headers }) => `${path} ${headers.authorization}`),
  };
}

describe('a token that was revoked before its end', () => {
  it('leads to one more request with a new one, for a delivery batch too', async () => {
    const { send, sendTwo, revoke, asked } = await place();
    await send();
    revoke('t2');
    expect((await sendTwo()).map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered']);
    expect(asked().slice(1)).toEqual(['/api/orders/batch Bearer t1', '/api/orders/batch Bearer t2']);
    revoke('none');
    expect((await sendTwo()).map(({ status }) => status)).toEqual([401, 401]);
  });

  it('leads to no third request if the target refuses the new one, too', async () => {
    const { send, revoke, asked } = await place();
    revoke('none');
    expect(await send()).toMatchObject({ verdict: 'retry', status: 401 });
    expect(asked()).toEqual(['/api/orders Bearer t1', '/api/orders Bearer t2']);
  });

  it('leads to two spans, each of which ends', async () => {
    const spans = recordSpans();
    const { send, revoke } = await place({ tracing: openTelemetryTracing('kafka') });
    revoke('t2');
    expect((await send()).verdict).toBe('delivered');
    const statuses = spans.named('POST').map(({ attributes }) => attributes['http.response.status_code']);
    expect(statuses).toEqual([401, 200]);
  });
});

describe('a target with tokens', () => {
  it('closes its connections to the token endpoint with the others', async () => {
    const { send, target, tokens } = await place();
    await send();
    expect(tokens.connections.filter(({ destroyed }) => !destroyed)).toHaveLength(1);
    await target.close();
    await expect.poll(() => tokens.connections.filter(({ destroyed }) => !destroyed)).toEqual([]);
  });

  it('names its own settings when no token can be had', async () => {
    const broken = await serverOf((response) => void response.writeHead(500).end());
    const { send } = await place({
      oauth: { tokenUrl: `${new URL(broken.url).origin}/token`, clientId: 'a', clientSecret: 'b' },
      settingNames: { oauth: '"oauth" of the target crm' },
    });
    expect(await send()).toMatchObject({ status: null, advice: 'Look at "oauth" of the target crm.' });
  });

  it('names its whole address to a proxy, as one without tokens does', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      if (!URL.canParse(request.url ?? '')) {
        response.writeHead(400).end();
        return;
      }
      const { port, pathname } = new URL(request.url ?? '');
      const { method, headers } = request;
      const onward = httpRequest({ host: '127.0.0.1', port, method, path: pathname, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    const url = new URL(`http://127.0.0.1:${await listening(proxy)}`);
    const { send, server } = await place({ proxy: url });
    expect((await send()).verdict).toBe('delivered');
    expect(asked).toEqual([`POST ${server.url} Bearer t1`]);
  });
});
