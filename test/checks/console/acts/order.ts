/** The page of one order: its sentence, its row, its events, its deliveries, and what one more event would do. */
import type { Locator, Page } from 'playwright-core';
import { TARGET } from '../../operator/stage.ts';
import { all, cellsOf, columnOf, saying, textOf } from '../reading.ts';
import { NONE, REFUSED_ANSWER, shownAt } from '../story.ts';
import type { World } from '../world.ts';

declare const navigator: { readonly clipboard: { readText(): Promise<string> } };

export async function showsAnOrder(world: World): Promise<void> {
  const { page, judge, story } = world;
  await page.goto('/orders/early');
  await judge.soon(
    'the order is named',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Order early',
  );
  const sentence = ['Ready since 2026-11-22T10:01:00Z.', `Version 2 was delivered to ${TARGET} at`];
  await judge.soon(
    'the sentence of explain is there',
    async () => saying(await textOf(page.getByRole('main')), sentence),
    all(sentence),
  );
  const row = [
    `order status Created by version 2, ${shownAt(0)}`,
    `payment status ✓ Authorised by version 1, ${shownAt(1)}`,
    `review status ${NONE}`,
    `ready to send ✓ yes by version 1, ${shownAt(1)}`,
  ];
  await judge.soon(
    'the row says which event decided each value',
    async () => saying(await textOf(page.getByRole('region', { name: 'The row, version 2' })), row),
    all(row),
  );
  await judge.soon(
    'the timeline has two lanes',
    () =>
      page
        .getByRole('img', { name: /^2 events in two lanes: when they happened, and when they arrived/ })
        .count(),
    1,
  );
  const { topic, partition, offset } = story.lateEvent;
  await judge.soon(
    'the events are those of the story, and the late one is marked',
    () => cellsOf(page, 'Events', ['Version', 'Event', 'Happened']),
    [
      ['1', 'PAYMENT: Authorised', shownAt(1)],
      ['2', 'ORDER: Created ! late', shownAt(0)],
    ],
  );
  await showsTheRecord(world, `${topic}/${partition} at ${offset}`);
  await world.look('order');
  await copies(world);
  await showsAConflict(world);
  await showsAttempts(world);
}

/** The dialog of one event: the record as the log has it. */
async function showsTheRecord({ page, judge }: World, name: string): Promise<void> {
  const button = page
    .getByRole('table', { name: 'Events', exact: true })
    .getByRole('button', { name, exact: true });
  await button.click();
  const dialog = page.getByRole('dialog', { name: 'Version 2: ORDER: Created' });
  const body = JSON.stringify({
    orderId: 'early',
    eventType: 'ORDER',
    orderStatus: 'CREATED',
    timestamp: shownAt(0).replace(' ', 'T').concat('.000Z'),
  });
  await judge.soon(
    'the dialog has the bytes of the record',
    async () => (await part(dialog, 'Value as text: the text').textContent())?.trim(),
    body,
  );
  await judge.soon(
    'the dialog has the body as it was received',
    async () => (await part(dialog, 'Body: the text').textContent())?.trim(),
    body,
  );
  const facts = ['Key early', 'It has no headers.'];
  await judge.soon(
    'the dialog has key and headers',
    async () => saying(await textOf(dialog), facts),
    all(facts),
  );
  await page.keyboard.press('Escape');
  await judge.soon('Escape closes the dialog', () => dialog.count(), 0);
  await judge.soon('the focus is back on the button of the dialog', () => isFocused(button), true);
}

function part(dialog: Locator, name: string): Locator {
  return dialog.getByRole('region', { name, exact: true });
}

declare const document: { readonly activeElement: unknown };

function isFocused(locator: Locator): Promise<boolean> {
  return locator.evaluate((element: unknown) => element === document.activeElement);
}

/** The texts that a person copies. */
async function copies({ page, judge, stage }: World): Promise<void> {
  const copy = async (name: string) => {
    await page.getByRole('button', { name, exact: true }).first().click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const curl = await copy('Copy as curl');
  judge.same(
    'the request is copied as a command line',
    saying(curl, [`${stage.url}/api/v1/orders/early/explain`, 'curl']),
    {
      [`${stage.url}/api/v1/orders/early/explain`]: true,
      curl: true,
    },
  );
  const json = JSON.parse(await copy('Copy as JSON')) as { orderId?: string; version?: number };
  judge.same('the order is copied as JSON', [json.orderId, json.version], ['early', 2]);
}

async function showsAConflict({ page, judge }: World): Promise<void> {
  await page.goto('/orders/twice');
  await judge.soon('events that came twice count once', () => columnOf(page, 'Events', 'Event'), [
    'ORDER: Created',
    'PAYMENT: Authorised',
  ]);
  await page.goto('/orders/conflict');
  await judge.soon('conflicting events are marked', () => columnOf(page, 'Events', 'Event'), [
    'ORDER: Created ✕ conflicts with 2',
    'ORDER: Created ✕ conflicts with 1',
  ]);
  await judge.soon(
    'the sentence says what the order waits for',
    async () =>
      (await textOf(page.getByRole('main'))).includes('no authorisation of its payment has arrived'),
    true,
  );
}

async function showsAttempts({ page, judge }: World): Promise<void> {
  await page.goto('/orders/unwanted-1');
  const deliveries = page.getByRole('region', { name: 'Deliveries', exact: true });
  await judge.soon('the last attempt has its verdict, its status, its latency and the answer of the target', async () => {
    const columns = ['Version', 'Verdict', 'Status', 'Latency', 'Answer'];
    const [last] = (await cellsOf(deliveries, `Attempts at ${TARGET}`, columns)) ?? [];
    const [version, verdict, status, latency = '', answer = ''] = last ?? [];
    return [version, verdict, status, / m?s$/.test(latency), answer.includes(REFUSED_ANSWER)];
  }, ['2', 'park', '422', true, true]);
  await judge.soon(
    'a dead delivery is a link to its redrive',
    () => deliveries.getByRole('link', { name: 'Redrive it' }).getAttribute('href'),
    '/deliveries?status=dead&entityId=unwanted-1',
  );
}

export async function asksWhatIf({ page, judge, stage }: World): Promise<void> {
  await page.goto('/orders/review');
  const card = page.getByRole('region', { name: 'What if one more event arrived?' });
  await card.getByRole('button', { name: 'Review accepted' }).click();
  await card.getByRole('button', { name: 'Ask' }).click();
  const said = [
    'It would be version 3.',
    'The order would be ready.',
    `Would be delivered to ${TARGET}.`,
    'payment status: ! Authorised, review pending → becomes ✓ Review accepted',
  ];
  await judge.soon(
    'the answer says what one more event would do',
    async () => saying(await textOf(card.getByRole('status')), said),
    all(said),
  );
  await card.getByRole('textbox', { name: 'Body of the event' }).fill('{"eventType":"PAYMENT"');
  await card.getByRole('button', { name: 'Ask' }).click();
  await judge.soon(
    'a body that is no event would go to quarantine',
    async () =>
      (await textOf(card.getByRole('status'))).includes('The record would go to quarantine (json_invalid)'),
    true,
  );
  const { answer } = await stage.desk.request('/orders/review');
  judge.same('nothing of it was written', (answer as { version: number }).version, 2);
}

export async function showsAnUnknownOrder({ page, judge, watch }: World): Promise<void> {
  await watch.expecting([404], async () => {
    await page.goto('/orders/nobody%20100%25');
    await judge.soon(
      'an id with blanks and signs is shown as it is',
      () => heading(page),
      'Order nobody 100%',
    );
    await judge.soon(
      'the page of an unknown order says that the journal lacks it',
      async () =>
        (await textOf(page.getByRole('main'))).includes('Unknown: the journal has no event of this order.'),
      true,
    );
    await page.goto('/orders/nobody/nothing');
    await judge.soon(
      'an unknown address shows that there is no such page',
      () => heading(page),
      'No such page',
    );
    await page.getByRole('link', { name: 'Go to Home' }).click();
    await judge.soon(
      'the page about an unknown address leads home',
      async () => new URL(page.url()).pathname,
      '/',
    );
  });
}

function heading(page: Page): Promise<string> {
  return textOf(page.getByRole('heading', { level: 1 }));
}
