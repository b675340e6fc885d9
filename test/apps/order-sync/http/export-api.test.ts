import { request } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { OrderAskParts } from '../../../../src/apps/order-sync/ask-parts.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import { closeServer } from '../../../../src/apps/shared/http/listen.ts';
import { TributaryError } from '../../../../src/core/errors.ts';
import type { ViewPage } from '../../../../src/ports/view-rows.ts';
import {
  AUTHORIZED,
  created,
  inspectionOf,
  OrderStore,
  PENDING,
  paid,
} from '../../../helpers/order-store.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

const EXPORT = '/api/v1/orders:export';

async function server(place: OrderStore, facts: Partial<OrderAskParts> = {}) {
  const logged: string[] = [];
  const parts = place.parts(facts);
  const app = buildServer({
    ...UNUSED_PARTS,
    store: place.store,
    clock: place.clock,
    logger: (level, message) => void logged.push(`${level}: ${message}`),
    ask: () => parts,
  });
  onTestFinished(() => closeServer(app));
  const inject = heldInject(app);
  const get = async (query: string) => {
    const { statusCode, body, headers } = await inject({ url: `${EXPORT}?${query}` });
    return { status: statusCode, body, headers };
  };
  return { app, get, logged };
}

async function some(): Promise<OrderStore> {
  const place = await OrderStore.open();
  await place.journal(
    [created('a', '10:00'), paid('a', PENDING, '10:01')],
    [created('b', '10:00'), paid('b', AUTHORIZED, '10:01')],
    [created('=1+1', '10:00')],
    [created('x,"y"\r\n', '10:00')],
  );
  return place;
}

/** A view of this many rows. A page behind the first one waits until the test lets it go on. */
function slowView(place: OrderStore, rows: number) {
  const pages: ViewPage[] = [];
  const waiting = new Set<() => void>();
  const store = {
    ...inspectionOf(place.store),
    async listView(page: ViewPage) {
      pages.push(page);
      if (page.after !== null) await new Promise<void>((resolve) => waiting.add(resolve));
      const from = page.after === null ? 0 : Number(page.after) + 1;
      const count = Math.min(page.limit, rows - from);
      return {
        rows: Array.from({ length: count }, (_, index) => ({
          entityId: String(from + index).padStart(9, '0'),
          row: ['CREATED', null, null, false],
          version: 1,
        })),
        next: from + count < rows ? String(from + count - 1).padStart(9, '0') : null,
      };
    },
  };
  const letGo = () => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  return { store, pages, letGo };
}

describe('GET /api/v1/orders:export', () => {
  it('gives all orders as CSV, with the fields that need it in quotes', async () => {
    const { get } = await server(await some());
    const { status, body, headers } = await get('');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="orders.csv"',
    });
    expect(body).toBe(
      [
        'order_id,version,order_status,payment_status,review_status,ready_to_send,waitsFor',
        '=1+1,1,CREATED,,,false,payment',
        `a,2,CREATED,${PENDING},PENDING,false,review`,
        `b,2,CREATED,${AUTHORIZED},,true,`,
        '"x,""y""\r\n",1,CREATED,,,false,payment',
        '',
      ].join('\r\n'),
    );
  });

  it('gives those that the filters ask for as NDJSON, and an empty file if there are none', async () => {
    const { get } = await server(await some());
    const { body, headers } = await get('format=ndjson&status=PENDING');
    expect(headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="orders.ndjson"',
    });
    expect(
      body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ orderId: 'a', version: 2, waitsFor: 'review', row: { review_status: 'PENDING' } }]);
    expect(await get('format=ndjson&status=NONE')).toMatchObject({ status: 200, body: '' });
    expect((await get('dead=true')).body).toMatch(/^order_id,[^\r]*\r\n$/);
    expect((await get('inFlight=true')).body).toMatch(/\r\nb,2,[^\r]*\r\n$/);
  });

  it('answers HEAD with the headers alone, and reads nothing', async () => {
    const place = await some();
    const view = slowView(place, 1_000);
    const { app } = await server(place, { store: view.store });
    const { statusCode, headers, body } = await app.inject({ method: 'HEAD', url: EXPORT });
    expect([statusCode, headers['content-disposition'], body]).toEqual([
      200,
      'attachment; filename="orders.csv"',
      '',
    ]);
    expect(view.pages).toEqual([]);
  });

  it('gives every order once over many pages', async () => {
    const place = await OrderStore.open();
    const view = slowView(place, 1_201);
    const { get } = await server(place, { store: view.store });
    const going = setInterval(view.letGo, 1);
    const lines = (await get('')).body.trim().split('\r\n').slice(1);
    clearInterval(going);
    expect(lines).toHaveLength(1_201);
    expect(new Set(lines.map((line) => line.split(',', 1)[0])).size).toBe(1_201);
    expect(view.pages.map(({ after }) => after)).toEqual([null, '000000499', '000000999']);
  });

  it('refuses what it does not understand, and answers a fault before the first page as a problem', async () => {
    const place = await some();
    const { get } = await server(place);
    for (const query of ['format=xlsx', 'limit=5', 'after=x', 'colour=red', 'ready=yes']) {
      const { status, body } = await get(query);
      expect([status, JSON.parse(body).code], query).toEqual([400, 'question_invalid']);
    }
    const store = {
      ...inspectionOf(place.store),
      listView: async () => {
        throw new TributaryError('store_unreachable', 'It is gone.');
      },
    };
    const broken = await server(place, { store });
    const { status, body } = await broken.get('');
    expect([status, JSON.parse(body).code]).toEqual([503, 'store_unreachable']);
  });

  it('gives exports again after many that failed at their first page', async () => {
    const place = await some();
    let failures = 10;
    const store = {
      ...inspectionOf(place.store),
      async listView(page: ViewPage) {
        if (failures-- > 0) throw new TributaryError('store_unreachable', 'It is gone.');
        return place.store.listView(page);
      },
    };
    const { get } = await server(place, { store });
    for (let index = 0; index < 10; index++)
      expect(JSON.parse((await get('')).body).code).toBe('store_unreachable');
    expect((await get('')).status).toBe(200);
  });

  it('reads the next page only when the client takes the one before, and ends when the client leaves', async () => {
    const place = await OrderStore.open();
    const view = slowView(place, 1_000_000);
    const { app } = await server(place, { store: view.store });
    const address = await app.listen({ host: '127.0.0.1', port: 0 });
    const client = request(`${address}${EXPORT}`, { agent: false });
    client.on('error', () => {});
    client.end();
    const response = await new Promise<NodeJS.ReadableStream>((resolve) => client.once('response', resolve));
    const going = setInterval(view.letGo, 1);
    onTestFinished(() => clearInterval(going));
    // The client reads nothing, so that the buffers between it and the server fill up.
    let seen = 0;
    await vi.waitFor(
      () => {
        const isStill = seen === view.pages.length;
        seen = view.pages.length;
        expect(isStill && seen > 3).toBe(true);
      },
      { interval: 200, timeout: 20_000 },
    );
    expect(seen).toBeLessThan(2_000);
    response.on('error', () => {});
    client.destroy();
    await vi.waitFor(async () => {
      for (let turn = 0; turn < 4; turn++) {
        const other = await fetch(`${address}${EXPORT}?dead=true`);
        expect(other.status).toBe(200);
        await other.text();
      }
    });
  });

  it('runs four exports at a time, and breaks them off when the server stops', async () => {
    const place = await OrderStore.open();
    const view = slowView(place, 10_000);
    const { app, get, logged } = await server(place, { store: view.store });
    const address = await app.listen({ host: '127.0.0.1', port: 0 });
    const running = await Promise.all(Array.from({ length: 4 }, () => fetch(`${address}${EXPORT}`)));
    expect(running.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { status, body, headers } = await get('');
    expect([status, headers['retry-after'], JSON.parse(body).code]).toEqual([503, '10', 'too_many_exports']);
    const going = setInterval(view.letGo, 1);
    onTestFinished(() => clearInterval(going));
    await closeServer(app);
    await expect(running[0]?.text()).rejects.toThrow();
    expect(logged.filter((line) => line.includes('broke off'))).toEqual([]);
  });
});
