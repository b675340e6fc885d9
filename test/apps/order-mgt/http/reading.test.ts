import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Answer, newState, send, TestOrderMgt } from '../fixture.ts';

/** Resolves when order-mgt handles the requests that were sent before, so that a test need not guess how long that takes. */
async function settled(target: TestOrderMgt): Promise<void> {
  // After two whole exchanges on other connections, order-mgt has read the requests that were sent before.
  await target.get('/livez');
  await target.get('/livez');
}

describe('GET /api/orders/:id', () => {
  it('answers 404 for an order that was never received', async () => {
    const target = await new TestOrderMgt().start();
    expect(await target.order('nobody')).toMatchObject({
      status: 404,
      type: 'application/problem+json',
      body: { code: 'order_unknown', instance: '/api/orders/nobody', title: 'Not Found', status: 404 },
    });
  });

  it('waits with wait until the order comes', async () => {
    const target = await new TestOrderMgt().start();
    const waiting = ['order123', 'order123', 'other'].map((orderId) => target.order(orderId, '?wait=60'));
    await settled(target);
    await target.post(newState());
    expect(await waiting[0]).toMatchObject({ status: 200, body: newState() });
    expect(await waiting[1]).toMatchObject({ status: 200, body: newState() });
    await target.post(newState({ order_id: 'other' }));
    expect(await waiting[2]).toMatchObject({ status: 200, body: { order_id: 'other' } });
  });

  it('waits with wait and version until that version or a later one comes', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState({ version: 1 }));
    let answered: Answer | null = null;
    const waiting = target.order('order123', '?wait=60&version=3').then((answer) => {
      answered = answer;
      return answer;
    });
    await target.post(newState({ version: 2 }));
    await settled(target);
    expect(answered).toBeNull();
    await target.post(newState({ version: 4 }));
    expect((await waiting).body).toEqual(newState({ version: 4 }));
  });

  it('sees states that another process commits to the same file', async () => {
    const reader = await new TestOrderMgt().start();
    const waiting = reader.order('order123', '?wait=60');
    await settled(reader);
    const writer = await new TestOrderMgt().on(reader.file);
    await writer.post(newState());
    expect((await waiting).body).toEqual(newState());
  });

  it('answers the held state when the time is over', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState());
    expect(await target.order('nobody', '?wait=0.05')).toMatchObject({ status: 404 });
    expect(await target.order('order123', '?wait=0.05&version=9')).toMatchObject({
      status: 404,
      body: { code: 'version_unknown', detail: expect.stringContaining('Version 2') },
    });
    expect(await target.order('order123', '?version=3')).toMatchObject({ status: 404 });
    expect(await target.order('order123', '?version=2')).toMatchObject({ status: 200 });
  });

  it('refuses an invalid wait and an invalid version', async () => {
    const target = await new TestOrderMgt().start();
    for (const wait of ['', '-1', '61', '1e1', 'x', '60.5', ' 1', '1&wait=2']) {
      expect(await target.order('a', `?wait=${encodeURI(wait)}`), wait).toMatchObject({
        status: 400,
        type: 'application/problem+json',
        body: { code: 'wait_invalid' },
      });
    }
    for (const version of ['', '0', '-1', '1.5', 'x', '9'.repeat(17)]) {
      expect(await target.order('a', `?version=${version}`), version).toMatchObject({
        status: 400,
        body: { code: 'version_invalid' },
      });
    }
  });

  it('refuses a path that is not percent-encoded UTF-8', async () => {
    const target = await new TestOrderMgt().start();
    for (const path of ['/api/orders/%FF', '/api/orders/%zz', '/api/orders/%']) {
      expect(await target.get(path), path).toMatchObject({
        status: 400,
        type: 'application/problem+json',
        body: { code: 'path_invalid' },
      });
    }
  });
});

describe('requests to other paths of order-mgt', () => {
  it('answers a problem document to a request that no route takes', async () => {
    const target = await new TestOrderMgt().start();
    expect(await target.get('/nothing?x=1')).toMatchObject({
      status: 404,
      type: 'application/problem+json',
      body: { code: 'route_unknown', instance: '/nothing' },
    });
  });

  it('answers the trace id of the request in a problem', async () => {
    const target = await new TestOrderMgt().start();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await send(target.url, 'GET', '/nothing', { traceparent });
    expect(answer.body.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it('answers a problem document to bytes that are no HTTP', async () => {
    const target = await new TestOrderMgt().start();
    const { hostname, port } = new URL(target.url);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write('HELLO\r\n\r\n'));
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('end', () => resolve(received));
      socket.on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('application/problem+json');
    expect(text).toContain('"code":"request_invalid"');
  });

  it('answers 200 to /livez and /readyz', async () => {
    const target = await new TestOrderMgt().start();
    expect(await target.get('/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await target.get('/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});
