/** Keys: without one nothing is shown, a key that reads changes nothing, and a key stays in its tab. */
import type { Page } from 'playwright-core';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { columnOf, textOf } from '../reading.ts';
import type { World } from '../world.ts';

const NEEDS_OPERATE = 'This needs a key with the scope operate.';

export async function asksForAKey(world: World): Promise<void> {
  const { page: other, judge, stage, session } = world;
  const reader = makeApiKey('reader', ['read']);
  const operator = makeApiKey('operator', ['read', 'operate']);
  const stranger = makeApiKey('stranger', ['read', 'operate']);
  await other.goto('about:blank');
  await stage.restart({ ORDER_SYNC_API_KEYS: `${reader.entry} ${operator.entry}` });
  await stage.readyz(200);
  const { context, watch } = await session();
  const page = await context.newPage();
  await watch.expecting([401, 403], async () => {
    await page.goto('/quarantine');
    await judge.soon('without a key the page asks for one', () => headingOf(page), 'Enter your key');
    judge.same('without a key there is no navigation', await page.getByRole('navigation').count(), 0);
    await world.lookAt(page, 'key');
    await enter(page, stranger.key);
    await judge.soon(
      'a key that the server does not know is refused in words',
      () => textOf(page.getByRole('alert')),
      'The server does not know that key. Enter another one.',
    );
    await enter(page, reader.key);
    await judge.soon(
      'a key that reads shows the page that was asked for',
      () => headingOf(page),
      'Quarantine',
    );
    await readsOnly(world, page);
    await page.reload();
    await judge.soon('a reload keeps the key', () => headingOf(page), 'Pipeline');
    await page.getByRole('button', { name: 'Forget key' }).click();
    await judge.soon('a key that was forgotten is asked for again', () => headingOf(page), 'Enter your key');
    await enter(page, operator.key);
    await judge.soon('a key that operates opens the actions', () => disabledOf(page, 'Pause'), []);
    await exportsWithTheKey(world, page);
  });
  const fresh = await context.newPage();
  await watch.expecting([401], async () => {
    await fresh.goto('/orders');
    await judge.soon('another tab has no key', () => headingOf(fresh), 'Enter your key');
    judge.same('another tab shows no order', await columnOf(fresh, 'Orders', 'Order'), null);
  });
  const keys = [reader.key, operator.key, stranger.key];
  const holdsKey = (text: string) => keys.some((key) => text.includes(key));
  judge.same('no address holds a key', [...watch.addresses, page.url()].filter(holdsKey), []);
  judge.same(
    'nothing that outlives the tab holds a key',
    holdsKey(JSON.stringify(await context.storageState())),
    false,
  );
}

async function readsOnly({ judge }: World, page: Page): Promise<void> {
  for (const name of ['Redrive all open records', 'Discard all open records'])
    await judge.soon(
      `a key that reads cannot ${name.toLowerCase()}, and is told why`,
      () => disabledOf(page, name),
      [NEEDS_OPERATE],
    );
  await page.goto('/orders/calm');
  await judge.soon('a key that reads sees orders', () => headingOf(page), 'Order calm');
  await judge.soon('a key that reads cannot ask what if', () => disabledOf(page, 'Ask'), [NEEDS_OPERATE]);
  await page.goto('/try');
  await judge.soon(
    'a key that reads cannot send events',
    async () => new Set(await disabledOf(page, /^Send/)),
    new Set([NEEDS_OPERATE]),
  );
  await page.goto('/pipeline');
  await judge.soon(
    'the pipeline is read',
    async () => (await columnOf(page, 'Partitions', 'State'))?.length,
    4,
  );
  await judge.soon('a key that reads cannot pause a partition', () => disabledOf(page, 'Pause'), [
    NEEDS_OPERATE,
    NEEDS_OPERATE,
    NEEDS_OPERATE,
    NEEDS_OPERATE,
  ]);
}

/** The titles of the disabled buttons with this name; null if there is no such button. */
async function disabledOf(page: Page, name: string | RegExp): Promise<(string | null)[] | null> {
  const buttons = page.getByRole('button', { name, ...(typeof name === 'string' ? { exact: true } : {}) });
  if ((await buttons.count()) === 0) return null;
  const titles: (string | null)[] = [];
  for (const button of await buttons.all())
    if (await button.isDisabled()) titles.push(await button.getAttribute('title'));
  return titles;
}

async function exportsWithTheKey({ judge }: World, page: Page): Promise<void> {
  await page.goto('/orders?where=review_status%3DPENDING');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export CSV' }).click(),
  ]);
  judge.same('the export works with a key', download.suggestedFilename(), 'orders.csv');
  await judge.soon('the list is read with the key', () => columnOf(page, 'Orders', 'Order'), ['review']);
}

async function enter(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Open the console' }).click();
}

function headingOf(page: Page): Promise<string> {
  return textOf(page.getByRole('heading', { level: 1 }));
}
