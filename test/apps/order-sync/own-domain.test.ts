import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { commandsOf } from '../../../src/apps/order-sync/commands/index.ts';
import { startOrderSync } from '../../../src/apps/order-sync/order-sync.ts';
import { reportFor } from '../../../src/apps/order-sync/status-report.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { inWordsOf, messageFor, sentenceFor } from '../../../src/apps/shared/settings/domain-words.ts';
import { sourcesOf } from '../../../src/apps/shared/settings/known/source.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { SYNCED_ORDERS, syncedOf, topicNamesOf } from '../../../src/apps/shared/settings/synced.ts';
import { shared } from '../../pipeline/status/fake-parts.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

const synced = syncedOf(stockLedger);
const load = (env: Record<string, string>, chosen: Record<string, string> = {}) =>
  loadSettings('order-sync', { env, synced, chosen });

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-own-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const EVENTS = [
  { eventType: 'STOCK_MOVED', articleId: 'bolt', quantity: 100, at: '2026-01-05T08:00:00Z' },
  { eventType: 'STOCK_COUNTED', articleId: 'bolt', quantity: 7, at: '2026-01-05T09:00:00Z' },
  { eventType: 'STOCK_MOVED', articleId: 'nut', quantity: 50, at: '2026-01-05T09:00:00Z' },
];

describe('the settings for a domain of somebody else', () => {
  it('keep its group, its file and its topics apart from those of orders', () => {
    const { values, entries } = load({});
    expect(values).toMatchObject({
      group: 'stock_ledger',
      databaseUrl: `sqlite:${join('.tributary', 'stock_ledger.sqlite')}`,
    });
    expect(topicNamesOf(values)).toEqual({
      stock_movements: 'stock_movements',
      stock_counts: 'stock_counts',
    });
    expect(entries.map(({ name }) => name)).not.toContain('ORDER_TOPIC');
    expect(loadSettings('order-sync', { env: {} }).entries.map(({ name }) => name)).not.toContain(
      'TRIBUTARY_TOPICS',
    );
  });

  it('send nothing to the target of orders, and something as soon as there is a URL', () => {
    expect(load({}).values).toMatchObject({ deliver: false, reconcileEveryMs: 0 });
    const url = 'http://localhost:4000/states';
    expect(load({ ORDER_SYNC_TARGET_URL: url }).values).toMatchObject({ deliver: true, targetUrl: url });
    expect(load({}, { ORDER_SYNC_TARGET_URL: url }).values.deliver).toBe(true);
    expect(() => load({ ORDER_SYNC_TARGETS_FILE: 'targets.json' })).toThrow(
      'set the URL of the first target too',
    );
  });

  it('give its topics other names and sources, and refuse topics that it does not have', () => {
    const { values } = load({
      TRIBUTARY_TOPICS: 'stock_counts=shop.counts',
      TRIBUTARY_SOURCES: '{"stock_counts": {"kind": "connect-json", "fields": {"n": "quantity"}}}',
    });
    expect(topicNamesOf(values).stock_counts).toBe('shop.counts');
    expect(sourcesOf(values)).toEqual({
      'shop.counts': { kind: 'connect-json', fields: new Map([['n', 'quantity']]) },
    });
    expect(() => load({ TRIBUTARY_TOPICS: 'counts=shop.counts' })).toThrow(
      'TRIBUTARY_TOPICS names the topic "counts", which the domain stock_ledger does not have',
    );
    expect(() => load({ TRIBUTARY_SOURCES: '{"counts": {}}' })).toThrow(
      'TRIBUTARY_SOURCES names the topic "counts"',
    );
    expect(() => load({ TRIBUTARY_SOURCES: '{"stock_counts": {"kind": "avro"}}' })).toThrow(
      'give "kind" of "stock_counts" json, ',
    );
  });

  it('win over the values that the program chooses, which win over the defaults', () => {
    const chosen = { ORDER_SYNC_PORT: '4000', ORDER_SYNC_GROUP: 'mine' };
    expect(load({}, chosen).values).toMatchObject({ port: 4_000, group: 'mine' });
    expect(load({ ORDER_SYNC_PORT: '4001' }, chosen).values.port).toBe(4_001);
    expect(load({}, chosen).values.deliver).toBe(false);
    const withTarget = { ...chosen, ORDER_SYNC_TARGET_URL: 'http://shop.example/articles' };
    expect(load({}, withTarget).values.deliver).toBe(true);
    expect(() => load({}, { ORDER_SYNC_PROT: '1' })).toThrow('did you mean ORDER_SYNC_PORT?');
  });

  it('judge the body of the target by its columns', () => {
    const body = (template: string) => () => load({ ORDER_SYNC_TARGET_BODY: template });
    expect(body('{"id": "{article_id}"}')).not.toThrow();
    expect(body('{"id": "{order_id}"}')).toThrow('order_id');
    expect(body('{"n": "{on_hand}"}')).toThrow('could not tell one article from another');
  });
});

describe('the program for a domain of somebody else', () => {
  const run = async (argv: readonly string[], env: Record<string, string>) => {
    const host = fakeHost(argv, env);
    const subject = { synced, invocation: 'node sync.ts', chosen: {} };
    const code = await runCli(
      {
        program: 'order-sync',
        summary: 'Syncs.',
        examples: [['order-sync', 'Sync']],
        commands: commandsOf(systemClock, synced),
        subject,
      },
      host,
    );
    return { code, out: host.stdout.text, error: host.stderr.text };
  };

  it('publishes events, shows them by their own names in API and commands, and describes both', async () => {
    const folder = dataFolder();
    const env = { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_PORT: '0' };
    const file = join(folder, 'events.jsonl');
    writeFileSync(file, EVENTS.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const published = await run(['publish', file], env);
    expect(published.error).toBe('');
    expect(published.out.trim().split('\n')).toHaveLength(3);

    const sync = await startOrderSync(load(env).values, {
      clock: systemClock,
      logger: () => {},
      onFailure: () => {},
    });
    onTestFinished(() => sync.close());
    const get = async (path: string) => JSON.parse(await (await fetch(`${sync.url}${path}`)).text());
    await vi.waitFor(async () => expect((await get('/api/v1/articles')).data).toHaveLength(2), 10_000);
    const bolt = {
      entityId: 'bolt',
      version: 2,
      row: { on_hand: 7, movements_since_count: 0, has_run_low: true },
    };
    expect(await get('/api/v1/articles/bolt')).toEqual(bolt);
    expect(await get('/api/v1/orders/bolt')).toEqual(bolt);
    const first = await fetch(`${sync.url}/api/v1/articles?limit=1`);
    expect(first.headers.get('link')).toContain('</api/v1/articles?');
    expect(await get('/api/v1/articlesbolt')).toMatchObject({ code: 'route_unknown' });
    const { info, paths } = await get('/openapi.json');
    expect(info.title).toBe('stock_ledger');
    expect(Object.keys(paths).filter((path) => path.includes('orders'))).toEqual([]);
    expect(paths['/api/v1/articles'].get.summary).toBe(
      'All articles, or those that the filters ask for, page by page.',
    );

    const properties = (path: string, status = '200') =>
      Object.keys(
        paths[path].get.responses[status].content['application/json'].schema.properties.data.items.properties,
      );
    expect(properties('/api/v1/articles')).toContain('entityId');
    expect(JSON.stringify(paths)).not.toMatch(/"orderId"|"orders"/);
    for (const path of ['bolt/explain', 'bolt/state'])
      expect(await get(`/api/v1/articles/${path}`)).toMatchObject({ entityId: 'bolt' });
    expect(await get('/api/v1/articles/screw')).toMatchObject({
      code: 'order_unknown',
      detail: 'The view has no row of this article.',
    });
    const exported = await fetch(`${sync.url}/api/v1/articles:export?format=ndjson`);
    expect(exported.headers.get('content-disposition')).toBe('attachment; filename="articles.ndjson"');
    expect(JSON.parse((await exported.text()).split('\n')[0] as string)).toMatchObject({ entityId: 'bolt' });
    const metrics = await (await fetch(`${sync.url}/metrics`)).text();
    expect(metrics).toContain('# HELP tributary_stuck_orders Articles that have waited');

    const listed = await run(['articles', '--ready'], env);
    expect(listed.out).toBe('"bolt"  version 2  on_hand=7 movements_since_count=0 has_run_low=true\n');
    expect((await run(['explain', 'nut'], env)).out).toContain('more than 10 pieces are on hand');
    expect((await run(['parked'], env)).error).toContain(
      'No article is parked: all of them could be folded.',
    );
    const row = JSON.parse((await run(['articles', '-o', 'jsonl'], env)).out.split('\n')[0] as string);
    expect(row).toMatchObject({ entityId: 'bolt' });
    expect((await run(['explain', ''], env)).error).toContain('Give the id of an article');
  });

  it("names the view's table and the commands as people know them", async () => {
    const folder = dataFolder();
    const env = { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_PORT: '0', ORDER_SYNC_TABLE: 'parts' };
    const file = join(folder, 'events.jsonl');
    writeFileSync(file, `${JSON.stringify(EVENTS[0])}\n`);
    expect((await run(['publish', file], env)).error).toBe('');
    const raised = { ...synced, domain: { ...stockLedger, foldVersion: 2 } };
    const logged: string[] = [];
    let explanation = '';
    for (const each of [synced, raised]) {
      const { values } = loadSettings('order-sync', { env, synced: each });
      const logger = (_level: string, message: string) => void logged.push(message);
      const sync = await startOrderSync(values, { clock: systemClock, logger, onFailure: () => {} });
      onTestFinished(() => sync.close());
      await vi.waitFor(async () => {
        const answer = await fetch(`${sync.url}/api/v1/articles/bolt/explain`);
        const body = JSON.parse(await answer.text());
        expect(body.version).toBe(1);
        explanation = body.explanation;
      }, 10_000);
      await sync.close();
    }
    expect(logged.join('\n')).toContain('The rows of parts were made by fold version 1');
    expect(logged.join('\n')).not.toContain('stock_ledger were');
    expect(explanation).toContain('wait for a rebuild ("node sync.ts rebuild")');
    expect(messageFor(synced, 'node sync.ts', 'Correct ORDER_TOPIC and PAYMENT_TOPIC.')).toBe(
      'Correct TRIBUTARY_TOPICS.',
    );
  });

  it('publishes nothing if a line is no valid event, and names the line', async () => {
    const folder = dataFolder();
    const file = join(folder, 'events.jsonl');
    writeFileSync(file, `${JSON.stringify(EVENTS[0])}\n{"eventType":"STOCK_MOVED","articleId":"bolt"}\n`);
    const { code, error } = await run(['publish', file], { TRIBUTARY_DATA_DIR: folder });
    expect(code).toBe(2);
    expect(error).toMatch(/^error: Line 2: The body has no field .*Nothing was published\.\n/);
    expect((await run(['publish', join(folder, 'none')], {})).error).toContain('cannot be read');
  });

  it('speaks of articles in its help, and corrects a misspelt command by its own', async () => {
    const { out } = await run(['articles', '--help'], {});
    expect(out).toContain('node sync.ts articles --not-delivered');
    expect(out).toContain('List the articles of the view');
    expect(out.replaceAll(/ORDER_\w+|order_id|order-sync/g, '')).not.toMatch(/\borders?\b/i);
    expect((await run(['artciles'], {})).error).toBe(
      'error: unknown command "artciles": did you mean articles? (node sync.ts articles)\n',
    );
    expect((await run(['adopt'], {})).code).toBe(2);
  });
});

describe('the words of a domain', () => {
  it.each([
    ['entity', 'entities'],
    ['bank account', 'bank-accounts'],
    ['box', 'boxes'],
    ['delivery', 'entities'],
    ['key', 'entities'],
  ])('make the plural of %s %s, which no other command is', (noun, plural) => {
    expect(syncedOf({ ...stockLedger, noun }).plural).toBe(plural);
  });

  it('name the commands of a message as somebody types them, and leave what the message quotes', () => {
    expect(
      messageFor(
        synced,
        'node sync.ts',
        'See order-sync orders, or order-sync parked "order-sync", order123.',
      ),
    ).toBe('See node sync.ts articles, or node sync.ts parked "order-sync", order123.');
  });

  it('replace nothing in what a sentence quotes', () => {
    expect(
      sentenceFor(synced, 'No order "my order" is parked: see order-sync parked, or order-sync orders.'),
    ).toBe('No article "my order" is parked: see node sync.ts parked, or node sync.ts articles.');
    expect(sentenceFor(SYNCED_ORDERS, 'No order is parked.')).toBe('No order is parked.');
  });

  it('make the commands of a status those that people type', () => {
    const status = shared({ parked: { count: 2, isMore: false } });
    expect(reportFor(synced, status, null).attention).toMatchObject([
      {
        kind: 'parked',
        text: '2 articles are parked: their events are journaled, but their rows do not change.',
        command: 'node sync.ts parked',
      },
    ]);
    expect(reportFor(SYNCED_ORDERS, status, null).attention).toMatchObject([
      { command: 'order-sync parked' },
    ]);
  });

  it('replace the purchase, and neither names nor settings', () => {
    const said = (text: string) => inWordsOf(synced, text);
    expect(said('An order that waits; Orders of order-sync by ORDER_TOPIC, order_id and the orders.')).toBe(
      'An article that waits; Articles of order-sync by ORDER_TOPIC, order_id and the articles.',
    );
    expect(inWordsOf(syncedOf({ ...stockLedger, noun: 'device' }), 'of an order')).toBe('of a device');
  });
});
