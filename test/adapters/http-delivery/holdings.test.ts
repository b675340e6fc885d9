import { describe, expect, it, onTestFinished } from 'vitest';
import { openHttpHoldings } from '../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { ViewColumn } from '../../../src/core/domain.ts';
import { answers, type Script, startScriptedServer, unusedUrl } from './scripted-server.ts';

const COLUMNS: readonly ViewColumn[] = [
  { name: 'status', type: 'text' },
  { name: 'is_ready', type: 'boolean' },
];
const SIGNAL = new AbortController().signal;
const row = (order_id: string, version = 1) => ({ order_id, status: null, is_ready: true, version });

function json(body: unknown): Script {
  return answers(200, { 'content-type': 'application/json' }, JSON.stringify(body));
}

async function asking(script: Script, deadlineMs = 30_000) {
  const server = await startScriptedServer(script);
  const { host } = new URL(server.url);
  const holdings = holdingsAt(`http://user:p%40ss@${host}/api/orders?tenant=1`, deadlineMs);
  onTestFinished(async () => {
    await holdings.close();
    await server.close();
  });
  return { server, holdings };
}

function holdingsAt(url: string, deadlineMs: number, columns = COLUMNS) {
  return openHttpHoldings({
    name: 'shop',
    url,
    deadlineMs,
    clock: systemClock,
    logger: () => {},
    view: { keyColumn: 'order_id', columns },
  });
}

describe('the holdings of an HTTP target', () => {
  it('holdings are read page by page, by the cursor of the contract', async () => {
    const { server, holdings } = await asking(
      json({ data: [row('\uffff', 2), row('😀')], page: { next: 'x', hasMore: true } }),
    );
    expect(await holdings.page({ after: 'ä', limit: 2 }, SIGNAL)).toEqual({
      states: [
        { entityId: '\uffff', version: 2, row: [null, true] },
        { entityId: '😀', version: 1, row: [null, true] },
      ],
      hasMore: true,
    });
    expect(server.received).toMatchObject([
      {
        path: '/api/orders?tenant=1&limit=2&after=w6Q',
        headers: { authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` },
      },
    ]);
  });

  it('decimals, moments and JSON are read in canonical form, so another notation is the same state', async () => {
    const columns = [
      { name: 'total', type: 'decimal', precision: 6, scale: 2 },
      { name: 'paid_at', type: 'timestamp' },
      { name: 'address', type: 'json' },
    ] as const;
    const data =
      '{"data":[{"order_id":"a","version":1,"total":"12.3","paid_at":"2026-11-30T08:46:58+01:00",' +
      '"address":{"n":12345678901234567890,"c":[]}},' +
      '{"order_id":"b","version":1,"total":12.3,"paid_at":"soon","address":null}],"page":{"hasMore":false}}';
    const server = await startScriptedServer(answers(200, { 'content-type': 'application/json' }, data));
    const holdings = holdingsAt(`${server.url}/api/orders`, 30_000, columns);
    onTestFinished(async () => {
      await holdings.close();
      await server.close();
    });
    const { states } = await holdings.page({ after: null, limit: 2 }, SIGNAL);
    expect(states.map((state) => state.row)).toEqual([
      ['12.30', '2026-11-30T07:46:58.000000Z', '{"c":[],"n":12345678901234567890}'],
      // What the columns cannot hold is told apart from every state of ours.
      [12.3, 'soon', null],
    ]);
  });

  it('a bearer key, if there is one, is sent instead of the user in the URL', async () => {
    const server = await startScriptedServer(json({ count: 0, last: null, digest: '', page: {} }));
    const { host } = new URL(server.url);
    const holdings = openHttpHoldings({
      name: 'shop',
      url: `http://user:pw@${host}/api/orders`,
      apiKey: 'the.Key~1==',
      clock: systemClock,
      logger: () => {},
      view: { keyColumn: 'order_id', columns: COLUMNS },
    });
    onTestFinished(async () => {
      await holdings.close();
      await server.close();
    });
    await holdings.digest({ after: null, limit: 3 }, SIGNAL);
    expect(server.received[0]?.headers.authorization).toBe('Bearer the.Key~1==');
  });

  it.each([401, 403])(
    'the error names the setting to correct if the target answers %i for want of a key',
    async (status) => {
      const { holdings } = await asking(answers(status));
      await expect(holdings.digest({ after: null, limit: 3 }, SIGNAL)).rejects.toThrow(
        `it answered ${status}. It was sent no API key: correct ORDER_SYNC_TARGET_API_KEY, or "apiKeyFile"`,
      );
    },
  );

  it('holdings are compared by the digest of a page', async () => {
    const { server, holdings } = await asking(json({ count: 3, last: 'c', digest: 'abc', page: {} }));
    expect(await holdings.digest({ after: null, limit: 3 }, SIGNAL)).toEqual({ count: 3, digest: 'abc' });
    expect(server.received[0]?.path).toBe('/api/orders/digest?tenant=1&limit=3');
  });

  it.each([404, 405, 501])('a target that answers %i does not offer its holdings', async (status) => {
    const { holdings } = await asking(answers(status));
    const refused = expect.objectContaining({ code: 'holdings_not_offered' });
    await expect(holdings.digest({ after: null, limit: 3 }, SIGNAL)).rejects.toEqual(refused);
  });

  it.each([
    [503, 'target_unreachable'],
    [429, 'target_unreachable'],
    [401, 'target_answer_invalid'],
    [302, 'target_answer_invalid'],
  ] as const)('an answer with %i is an error with the code of its problem', async (status, code) => {
    const { holdings } = await asking(answers(status, { location: '/' }, '{"title":"Not\nnow"}'));
    await expect(holdings.page({ after: null, limit: 3 }, SIGNAL)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`it answered ${status}: {"title":"Not now"}`),
    });
  });

  it.each([
    ['no JSON', 'secret', /no JSON/],
    ['no rows', {}, /"data"/],
    ['too many rows', { data: [row('a'), row('b'), row('c')], page: { hasMore: false } }, /3 rows/],
    ['rows out of sequence', { data: [row('b'), row('a')], page: { hasMore: false } }, /out of sequence/],
    ['a row twice', { data: [row('b'), row('b')], page: { hasMore: false } }, /out of sequence/],
    ['sequence of UTF-16', { data: [row('😀'), row('\uffff')], page: { hasMore: false } }, /out of sequence/],
    ['a row of the page before', { data: [row('A')], page: { hasMore: false } }, /out of sequence/],
    ['more behind nothing', { data: [], page: { hasMore: true } }, /no rows/],
    ['no word on more', { data: [] }, /hasMore/],
    ['no version', { data: [{ ...row('b'), version: '1' }], page: { hasMore: false } }, /version/],
    ['a missing column', { data: [{ order_id: 'b', version: 1 }], page: { hasMore: false } }, /"status"/],
  ])('an answer with %s is an error', async (_what, body, message) => {
    const { holdings } = await asking(typeof body === 'string' ? answers(200, {}, body) : json(body));
    const invalid = { code: 'target_answer_invalid', message: expect.stringMatching(message) };
    const asked = holdings.page({ after: 'a', limit: 2 }, SIGNAL);
    await expect(asked).rejects.toMatchObject(invalid);
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  it('an answer that is longer than the page asked for is an error', async () => {
    const pour: Script = (response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    };
    const { holdings } = await asking(pour);
    await expect(holdings.page({ after: null, limit: 1 }, SIGNAL)).rejects.toMatchObject({
      code: 'target_answer_invalid',
    });
  });

  it('the request is given up at the deadline, when it is stopped, and where nobody listens', async () => {
    const unreachable = { code: 'target_unreachable' };
    const { holdings } = await asking(() => {}, 150);
    await expect(holdings.page({ after: null, limit: 1 }, SIGNAL)).rejects.toMatchObject({
      ...unreachable,
      message: expect.stringContaining('within 150 ms'),
    });
    const stopping = new AbortController();
    const patient = await asking(() => stopping.abort());
    const asked = patient.holdings.digest({ after: null, limit: 1 }, stopping.signal);
    await expect(asked).rejects.toMatchObject(unreachable);
    const nobody = holdingsAt(await unusedUrl(), 30_000);
    await expect(nobody.page({ after: null, limit: 1 }, SIGNAL)).rejects.toMatchObject({
      ...unreachable,
      message: expect.stringContaining('nothing listens there'),
    });
    await nobody.close();
  });

  it('a request whose connection is cut without an answer is sent once more, and no more than that', async () => {
    const { server, holdings } = await asking((response, { socket }, number) => {
      if (number === 1 || number === 3) response.end('{"count":0,"last":null,"digest":"","page":{}}');
      else socket.destroy();
    });
    const ask = () => holdings.digest({ after: null, limit: 3 }, SIGNAL);
    expect((await ask()).count).toBe(0);
    expect((await ask()).count).toBe(0);
    expect(server.received).toHaveLength(3);
    await expect(ask()).rejects.toMatchObject({ code: 'target_unreachable' });
    expect(server.received).toHaveLength(5);
  });
});
