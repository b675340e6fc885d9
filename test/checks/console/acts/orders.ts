/** The list of orders: pages, filters that live in the address, search, and export. */
import { readFile } from 'node:fs/promises';
import type { Download } from 'playwright-core';
import { cellsOf, columnOf, queryOf, textOf, textsOf } from '../reading.ts';
import { DELIVERED, orderIds, READY, STUCK, UNWANTED } from '../story.ts';
import type { World } from '../world.ts';

const LIST = 'Orders';
const COLUMNS = [
  ...['Order', 'order status', 'payment status', 'review status', 'ready to send'],
  ...['waits for', 'version'],
];
/** The rows that are in sight for sure. */
const SHOWN_AT_LEAST = 15;
/** The rows of the story's own orders stand before those of which there are many. */
const OWN = ['calm', 'conflict', 'declined', 'early', 'live'];

export async function listsOrders({ page, judge, story, look }: World): Promise<void> {
  await page.goto('/');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Orders' }).click();
  await judge.soon('the page of orders has the focus on its heading', () => focused(page), 'Orders');
  const expected = OWN.map((id) => [...story.shown[id as keyof typeof story.shown]]);
  await judge.soon(
    'the first rows are those of the story',
    async () => (await cellsOf(page, LIST, COLUMNS))?.slice(0, OWN.length) ?? null,
    expected,
  );
  const table = page.getByRole('table', { name: LIST });
  judge.same(
    'a dash that stands for no value has words for screen readers',
    await table
      .getByRole('row')
      .nth(OWN.indexOf('conflict') + 1)
      .getByRole('img', { name: 'no value' })
      .count(),
    2,
  );
  await judge.soon(
    'the list has loaded its first page, and says that others follow',
    () => textOf(page.getByText(/orders loaded/)),
    '100 orders loaded, others follow.',
  );
  await look('orders');
  // The end of the list asks for the next page, and only the rows in sight are in the document.
  const region = page.getByRole('region', { name: `${LIST}: the rows` });
  await region.focus();
  await page.keyboard.press('End');
  const total = orderIds().length;
  await judge.soon(
    'the end of the list loads the rest',
    async () => {
      await page.keyboard.press('End');
      return textOf(page.getByText(/orders loaded/));
    },
    `${total} orders loaded: that is all.`,
  );
  await judge.soon('the last rows are the last orders', async () => {
    await page.keyboard.press('End');
    return (await columnOf(page, LIST, 'Order'))?.slice(-UNWANTED.length) ?? null;
  }, [...UNWANTED]);
  const inDocument = (await columnOf(page, LIST, 'Order'))?.length ?? 0;
  judge.same('only the rows in sight are in the document', inDocument < total, true);
}

export async function filtersOrders({ page, judge, watch }: World): Promise<void> {
  const list = () => columnOf(page, LIST, 'Order');
  await page.goto('/orders');
  const filters = page.getByRole('search', { name: 'Filters of orders' });
  await filters.getByLabel('Payment').selectOption({ label: 'Authorised, review pending' });
  await judge.soon('the filter of the payment shows the order under review', list, ['review']);
  judge.same('the filter stands in the address', queryOf(page), {
    where: 'payment_status=PAYMENT_AUTH_WITHPENDING_REVIEW',
  });
  await page.reload();
  await judge.soon('the filter survives a reload', list, ['review']);
  await judge.soon(
    'the filter shows its value after a reload',
    () => filters.getByLabel('Payment').inputValue(),
    'PAYMENT_AUTH_WITHPENDING_REVIEW',
  );
  await filters.getByRole('button', { name: 'Clear filters' }).click();
  await judge.soon('without filters the address has no query', async () => queryOf(page), {});
  for (const [name, label, expected] of [
    ['ready', 'Ready', READY],
    ['delivered', 'Delivered', DELIVERED],
    ['notDelivered', 'Not delivered', UNWANTED],
    ['dead', 'Dead', UNWANTED],
    ['stuck', 'Stuck', STUCK],
  ] as const) {
    // The sign of a pressed filter is part of its name.
    const chip = filters.getByRole('button', { name: new RegExp(`^✓? ?${label}$`) });
    await chip.click();
    await judge.soon(
      `the filter ${label} shows its orders`,
      async () => (await list())?.slice(0, SHOWN_AT_LEAST) ?? null,
      expected.slice(0, SHOWN_AT_LEAST),
    );
    judge.same(`the filter ${label} stands in the address`, queryOf(page), { [name]: 'true' });
    judge.same(`the filter ${label} is pressed`, await chip.getAttribute('aria-pressed'), 'true');
    await chip.click();
  }
  await page.goto('/orders?inFlight=true');
  await judge.soon(
    'no order is in flight',
    () => textOf(page.getByText('No order is like this.')),
    'No order is like this.',
  );
  await page.goto('/orders?dead=true&where=order_status%3DCREATED');
  await judge.soon('filters of an address go together', list, UNWANTED);
  await watch.expecting([400], async () => {
    await page.goto('/orders?where=colour%3Dred');
    await judge.soon(
      'a filter that the API refuses is explained',
      async () => (await textOf(page.getByRole('alert'))).includes('Take the filter away'),
      true,
    );
  });
}

export async function findsAnOrder({ page, judge, watch }: World): Promise<void> {
  await page.goto('/orders');
  const field = page.getByLabel('Order id');
  await watch.expecting([404], async () => {
    await field.fill('Calm');
    await field.press('Enter');
    await judge.soon(
      'the search for an unknown id says that the view lacks it',
      async () =>
        (await textsOf(page.getByRole('status'))).some((text) =>
          text.startsWith('The view has no order Calm.'),
        ),
      true,
    );
  });
  await field.fill('calm');
  await field.press('Enter');
  await judge.soon('the search goes to the order', async () => new URL(page.url()).pathname, '/orders/calm');
  await judge.soon(
    'the order that was searched is shown',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Order calm',
  );
}

export async function exportsOrders({ page, judge }: World): Promise<void> {
  await page.goto('/orders?ready=true');
  const load = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name }).click(),
    ]);
    return { name: download.suggestedFilename(), lines: await linesOf(download) };
  };
  const csv = await load('Export CSV');
  judge.same('the CSV is called so', csv.name, 'orders.csv');
  judge.same(
    'the CSV has a header line and the orders of the filter',
    csv.lines.map((line) => line.split(',')[0]),
    ['order_id', ...READY],
  );
  const ndjson = await load('Export NDJSON');
  judge.same('the NDJSON is called so', ndjson.name, 'orders.ndjson');
  judge.same(
    'the NDJSON has the orders of the filter',
    ndjson.lines.map((line) => (JSON.parse(line) as { orderId: string }).orderId),
    READY,
  );
}

async function linesOf(download: Download): Promise<string[]> {
  return (await readFile(await download.path(), 'utf8')).trimEnd().split(/\r?\n/);
}

declare const document: { readonly activeElement: { readonly textContent: string | null } | null };

function focused(page: World['page']): Promise<string | null> {
  return page.evaluate(() => document.activeElement?.textContent ?? null);
}
