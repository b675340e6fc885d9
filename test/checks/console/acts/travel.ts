/** Time travel on the page of an order: by version, by what had happened, and by what was known. */
import type { Page } from 'playwright-core';
import { columnOf, queryOf, textOf, textsOf } from '../reading.ts';
import { NONE, shownAt } from '../story.ts';
import type { World } from '../world.ts';

const STATE = 'State at this moment';
/** Order, payment, review, ready. */
const PAID_ONLY = [NONE, 'Authorised', NONE, 'no'];
const CREATED_ONLY = ['Created', NONE, NONE, 'no'];
const BOTH = ['Created', 'Authorised', NONE, 'yes'];

export async function travelsThroughTime(world: World): Promise<void> {
  await travelsByVersion(world);
  await travelsByOccurrence(world);
  await travelsByKnowledge(world);
}

const values = (page: Page) => columnOf(page, STATE, 'Value here');
const slider = (page: Page) => page.getByRole('slider', { name: 'Moment in the life of the order' });

async function travelsByVersion({ page, judge }: World): Promise<void> {
  await page.goto('/orders/early');
  await judge.soon('the present is shown first', () => values(page), BOTH);
  await judge.soon(
    'the slider says at which version it stands',
    () => slider(page).getAttribute('aria-valuetext'),
    'Version 2, the latest',
  );
  await judge.soon('the difference to the version before is said', () => columnOf(page, STATE, 'Before'), [
    NONE,
    'the same',
    'the same',
    'no',
  ]);
  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  await judge.soon('one step back shows the state after the first event', () => values(page), PAID_ONLY);
  judge.same('the version stands in the address', queryOf(page), { v: '1' });
  await page.reload();
  await judge.soon('the version survives a reload', () => values(page), PAID_ONLY);
  await judge.soon(
    'the words tell which events count',
    async () =>
      (await textsOf(page.getByRole('status'))).some((text) =>
        text.startsWith('1 event counts: 1. Not ready. Since the moment before: version 1 came;'),
      ),
    true,
  );
  await page.keyboard.press('Home');
  await page.getByRole('button', { name: 'Back', exact: true }).click();
  await judge.soon(
    'before the first event nothing counts',
    async () =>
      (await textsOf(page.getByRole('status'))).some((text) => text.startsWith('No event counts here.')),
    true,
  );
  await page.getByRole('button', { name: 'Go to now' }).click();
  await judge.soon('the way back to now is one press', () => values(page), BOTH);
  judge.same('now has no query', queryOf(page), {});
}

async function travelsByOccurrence({ page, judge }: World): Promise<void> {
  await page.getByRole('radio', { name: 'By what had happened' }).check();
  await judge.soon('everything has happened by now', () => values(page), BOTH);
  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  // Now is the last of the two moments.
  await judge.soon(
    'a minute before the payment only the creation had happened',
    () => values(page),
    CREATED_ONLY,
  );
  await judge.soon(
    'the slider says the moment',
    () => slider(page).getAttribute('aria-valuetext'),
    `${shownAt(0)} UTC`,
  );
  judge.same('the address says how it went back', queryOf(page).mode, 'at');
}

async function travelsByKnowledge({ page, judge, story }: World): Promise<void> {
  await page.getByRole('radio', { name: 'By what was known' }).check();
  await judge.soon('everything is known by now', () => values(page), BOTH);
  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  await judge.soon('the payment was known before the creation', () => values(page), PAID_ONLY);
  const field = page.getByRole('textbox', { name: 'Exact moment (RFC 3339)' });
  await field.fill(story.between);
  await field.press('Enter');
  await judge.soon('an exact moment stands in the address', async () => queryOf(page), {
    mode: 'known',
    t: story.between,
  });
  await judge.soon('the state of an exact moment is shown', () => values(page), PAID_ONLY);
  await judge.soon(
    'the heading stays that of the order',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Order early',
  );
}
