import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { EntryPlace } from '../../../../src/apps/order-sync/targets/entry-files.ts';
import {
  closeRoute,
  openForReconciliation,
  openRoutes,
  targetsThatTell,
} from '../../../../src/apps/order-sync/targets/routes.ts';
import { moreTargets } from '../../../../src/apps/order-sync/targets/targets.ts';
import { stateTypeOf, wishesIn, wishesOf } from '../../../../src/apps/order-sync/targets/wishes.ts';
import { openEventLog } from '../../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { orders } from '../../../../src/orders/index.ts';
import { answers, startScriptedServer } from '../../../adapters/http-delivery/scripted-server.ts';
import { newDelivery } from '../../../contract/delivery-target.ts';
import { outcomesOf } from '../../../contract/outcomes.ts';

/** Opens the target of the variables, and one of the targets file. Both lead to a server that answers 409. */
async function open(env: Record<string, string>, entry: Record<string, unknown>) {
  const server = await startScriptedServer(answers(409));
  const folder = mkdtempSync(join(tmpdir(), 'tributary-targets-'));
  writeFileSync(join(folder, 'body.json'), '{"number": "{order_id}", "v": "{version}"}');
  writeFileSync(join(folder, 'key'), 'k2\n');
  writeFileSync(join(folder, 'headers'), 'X-Tenant: 7\n');
  const file = join(folder, 'targets.json');
  writeFileSync(file, JSON.stringify([{ name: 'crm', url: server.url, ...entry }]));
  const { values } = loadSettings('order-sync', {
    env: {
      TRIBUTARY_DATA_DIR: folder,
      ORDER_SYNC_TARGET_URL: server.url,
      ORDER_SYNC_TARGETS_FILE: file,
      ORDER_SYNC_GROUP: 'eu',
      ...env,
    },
  });
  const specs = moreTargets(values);
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'test' });
  const said: string[] = [];
  const parts = { clock: systemClock, logger: (_: string, message: string) => void said.push(message) };
  const routes = openRoutes(values, specs, { ...parts, log, senders: new Promise<never>(() => {}) });
  onTestFinished(async () => {
    await Promise.all(routes.map(closeRoute));
    await log.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return { server, values, specs, routes, parts, said };
}

it('openRoutes gives each target the body, the headers and the verdicts of its own settings', async () => {
  const { server, routes } = await open(
    {
      ORDER_SYNC_TARGET_API_KEY: 'k1',
      ORDER_SYNC_TARGET_API_KEY_HEADER: 'X-API-Key',
      ORDER_SYNC_TARGET_BODY: '{"order.id": "{order_id}"}',
      ORDER_SYNC_TARGET_VERDICTS: '409=delivered',
    },
    {
      apiKeyFile: 'key',
      headersFile: 'headers',
      bodyFile: 'body.json',
      cloudEvents: { mode: 'structured' },
      verdicts: '409=disable',
    },
  );
  const verdicts: string[] = [];
  for (const { target } of routes) {
    const [outcome] = await outcomesOf(target, [newDelivery()], new AbortController().signal);
    verdicts.push(`${target.name} ${outcome?.verdict}`);
  }
  expect(verdicts).toEqual(['order-mgt delivered', 'crm disable']);
  const [first, second] = server.received;
  expect(JSON.parse(first?.body ?? '')).toEqual({ order: { id: 'order-1' } });
  expect(first?.headers).toMatchObject({ 'x-api-key': 'k1' });
  expect(JSON.parse(second?.body ?? '')).toMatchObject({
    type: 'order.state',
    source: '/tributary/eu',
    data: { number: 'order-1', v: 3 },
  });
  expect(second?.headers).toMatchObject({ authorization: 'Bearer k2', 'x-tenant': '7' });
});

it('a target with a body of its own is not compared, and the log and a command say so', async () => {
  const { values, specs, routes, parts, said } = await open({}, { bodyFile: 'body.json' });
  expect(routes.map(({ target, sweep }) => [target.name, sweep !== undefined])).toEqual([
    ['order-mgt', true],
    ['crm', false],
  ]);
  expect(said.join('\n')).toContain('Target crm gets a body of its own');
  expect(targetsThatTell(values, specs)).toEqual(['order-mgt']);
  expect(() => openForReconciliation(values, specs, 'crm', parts)).toThrow(/crm gets a body of its own/);
});

it.each([
  ['ORDER_SYNC_TARGET_BODY', '{"id": "{orderid}"}', /no value of a state/],
  ['ORDER_SYNC_TARGET_BODY', '{"id": "{version}"}', /it has no \{order_id\}/],
  ['ORDER_SYNC_TARGET_VERDICTS', '5xx=delivered', /would lose states/],
  ['ORDER_SYNC_TARGET_CLOUDEVENTS', 'both', /off, structured, binary/],
  ['ORDER_SYNC_TARGET_API_KEY_HEADER', 'X-Key', /set alone/],
  ['ORDER_SYNC_TARGET_CERT_FILE', 'a.pem', /set without ORDER_SYNC_TARGET_KEY_FILE/],
  ['ORDER_SYNC_TARGET_OAUTH_TOKEN_URL', 'https://id.example/token', /set ORDER_SYNC_TARGET_OAUTH_CLIENT_ID/],
  ['ORDER_SYNC_TARGET_OAUTH_CLIENT_ID', 'sync', /without ORDER_SYNC_TARGET_OAUTH_TOKEN_URL/],
])('refuses %s=%s at the start', (name, value, message) => {
  expect(() => loadSettings('order-sync', { env: { [name]: value } })).toThrow(message);
});

it('shows no secret of a target, and none of a proxy', () => {
  const { entries } = loadSettings('order-sync', {
    env: {
      ORDER_SYNC_TARGET_URL: 'https://user:hush1@shop.example/orders',
      ORDER_SYNC_TARGET_API_KEY: 'hush2',
      ORDER_SYNC_TARGET_API_KEY_HEADER: 'X-API-Key',
      ORDER_SYNC_TARGET_HEADERS: 'X-Token: hush3',
      HTTPS_PROXY: 'http://user:hush4@proxy.example:3128',
      http_proxy: 'user:hush5@proxy.example:3128',
      ORDER_SYNC_TARGET_PROXY: 'http://user:hush6@proxy.example:3128',
    },
  });
  expect(JSON.stringify(entries)).not.toMatch(/hush/);
  expect(entries.find(({ name }) => name === 'HTTPS_PROXY')?.value).toBe(
    'http://********@proxy.example:3128',
  );
  expect(() => loadSettings('order-sync', { env: { ORDER_SYNC_TARGET_HEADERS: 'X-Token hush' } })).toThrow(
    /^ORDER_SYNC_TARGET_HEADERS is "\*{8}": line 1 has no colon/,
  );
});

it('takes the body of the settings file as the JSON that it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-targets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ ORDER_SYNC_TARGET_BODY: { id: '{order_id}' } }));
  const { values } = loadSettings('order-sync', { env: { TRIBUTARY_CONFIG: file } });
  expect(values.targetBody).toBe('{"id":"{order_id}"}');
});

it('the type of a state as an event has a dot for each blank of the noun', () => {
  expect(['order', 'stock of a shop', 'stock-move'].map((noun) => stateTypeOf({ noun }))).toEqual([
    'order.state',
    'stock.of.a.shop.state',
    'stock.move.state',
  ]);
});

it('the events of a target have the type and the source of the settings, else those of its group', () => {
  const eventsOf = (env: Record<string, string>) =>
    wishesOf(loadSettings('order-sync', { env: { ORDER_SYNC_GROUP: 'eu', ...env } }).values).cloudEvents;
  const mode = { ORDER_SYNC_TARGET_CLOUDEVENTS: 'binary' };
  expect(eventsOf({})).toBeUndefined();
  expect(eventsOf(mode)).toEqual({ mode: 'binary', type: 'order.state', source: '/tributary/eu' });
  expect(
    eventsOf({
      ...mode,
      ORDER_SYNC_TARGET_CLOUDEVENTS_TYPE: 'shop.state',
      ORDER_SYNC_TARGET_CLOUDEVENTS_SOURCE: '/shop',
    }),
  ).toEqual({ mode: 'binary', type: 'shop.state', source: '/shop' });
});

it.each([
  [{ mode: 'both' }],
  [{ type: 'order.state' }],
  [{ mode: 'binary', subject: 'order' }],
  ['binary'],
  [['binary']],
])('an entry of the targets file with the events %j is refused', (cloudEvents) => {
  const place = { called: 'Target crm', isTopic: false } as EntryPlace;
  expect(() => wishesIn({ cloudEvents }, place, 'eu', orders)).toThrow('"cloudEvents" has to be an object');
});
