import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type * as Http from '../../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type * as Topic from '../../../../src/adapters/topic-delivery/index.ts';
import { openRoutes } from '../../../../src/apps/order-sync/targets/routes.ts';
import { moreTargets } from '../../../../src/apps/order-sync/targets/targets.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import type { EventLog } from '../../../../src/ports/event-log.ts';

type Options = Record<string, unknown> & { readonly name: string };

/** The options with which targets and their holdings were opened. */
const opened = vi.hoisted(() => ({
  http: [] as unknown[],
  holdings: [] as unknown[],
  topic: [] as unknown[],
}));

vi.mock('../../../../src/adapters/http-delivery/index.ts', async (original) => ({
  ...(await original<typeof Http>()),
  openHttpTarget(options: Options) {
    opened.http.push(options);
    return { name: options.name };
  },
  openHttpHoldings: (options: Options) => opened.holdings.push(options),
}));
vi.mock('../../../../src/adapters/topic-delivery/index.ts', async (original) => ({
  ...(await original<typeof Topic>()),
  openTopicTarget(options: Options) {
    opened.topic.push(options);
    return { name: options.name };
  },
}));

/** Opens the routes of these settings and of the entries of a targets file. */
function open(env: Readonly<Record<string, string>>, entries: readonly object[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-routes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'targets.json');
  writeFileSync(file, JSON.stringify(entries));
  const { values } = loadSettings('order-sync', { env: { ...env, ORDER_SYNC_TARGETS_FILE: file } });
  for (const list of Object.values(opened)) list.length = 0;
  const log = { producer: () => ({}) } as unknown as EventLog;
  const senders = new Promise<never>(() => {});
  const routes = openRoutes(values, moreTargets(values), {
    clock: systemClock,
    logger: () => {},
    log,
    senders,
  });
  const of = (list: readonly unknown[], name: string) =>
    (list as readonly Options[]).find((options) => options.name === name);
  return { routes, of };
}

const URL = 'http://127.0.0.1:1/orders';

it('openRoutes owes only the first target the states from before, however many targets there are', () => {
  const { routes } = open({}, [
    { name: 'crm', url: URL },
    { name: 'states', topic: 'states' },
  ]);
  expect(routes.map(({ target, isFromBeginning }) => [target.name, isFromBeginning === true])).toEqual([
    ['order-mgt', true],
    ['crm', false],
    ['states', false],
  ]);
});

it('openRoutes gives every target the pace of its entry, or else that of the settings', () => {
  const { routes, of } = open({ ORDER_SYNC_DELIVERY_CONCURRENCY: '7' }, [
    { name: 'crm', url: URL, concurrency: 3 },
    { name: 'all', url: URL },
    { name: 'states', topic: 'states', concurrency: 2 },
    { name: 'others', topic: 'others' },
  ]);
  const paces = Object.fromEntries(routes.map(({ target, pace }) => [target.name, pace?.concurrency]));
  expect(paces).toEqual({ 'order-mgt': 7, crm: 3, all: 7, states: 2, others: 7 });
  expect(of(opened.http, 'crm')).toMatchObject({ connections: 3 });
});

it('openRoutes gives deliveries and the questions about them the deadline of the settings', () => {
  const { of } = open({ ORDER_SYNC_DELIVERY_DEADLINE_MS: '4s' }, [{ name: 'crm', url: URL }]);
  for (const list of [opened.http, opened.holdings])
    for (const name of ['order-mgt', 'crm']) expect(of(list, name)).toMatchObject({ deadlineMs: 4_000 });
});

it('openRoutes keeps a state on a topic while it is ready and passes the filter, and no longer', () => {
  const { of } = open({}, [
    {
      name: 'states',
      topic: 'states',
      tombstones: 'not_ready',
      filter: { payment_status: ['PAYMENT_AUTHORIZED'] },
    },
  ]);
  const { isReady, tombstones } = of(opened.topic, 'states') as Options & {
    readonly isReady: (body: object) => boolean;
  };
  expect(tombstones).toBe('not_ready');
  const ready = { ready_to_send: true, payment_status: 'PAYMENT_AUTHORIZED' };
  expect(isReady(ready)).toBe(true);
  expect(isReady({ ...ready, ready_to_send: false })).toBe(false);
  expect(isReady({ ...ready, payment_status: 'PAYMENT_DECLINED' })).toBe(false);
});
