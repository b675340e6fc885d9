/** Everything works by the keyboard alone, and the focus can be seen wherever it is. */
import type { Page } from 'playwright-core';
import { TARGET } from '../../operator/stage.ts';
import { columnOf, queryOf, textOf } from '../reading.ts';
import type { World } from '../world.ts';

const STOPS_MAX = 150;

interface Focused {
  readonly textContent: string;
  readonly labels?: Iterable<{ readonly textContent: string }> | null;
  getAttribute(name: string): string | null;
  matches(selector: string): boolean;
}
interface Style {
  readonly outlineStyle: string;
  readonly outlineWidth: string;
}
declare const document: { readonly activeElement: Focused | null; readonly body: Focused };
declare function getComputedStyle(element: Focused): Style;

/** The places at which the focus could not be seen. */
type Unseen = string[];

export async function worksByKeyboard(world: World): Promise<void> {
  const { page, judge } = world;
  const unseen: Unseen = [];
  await page.goto('/');
  await judge.soon('the home page is there', () => page.getByRole('list', { name: 'Numbers' }).count(), 1);
  await page.keyboard.press('Tab');
  judge.same('the first stop skips the navigation', await focusIs(page, 'link', 'Skip to the page'), true);
  await page.keyboard.press('Enter');
  judge.same('the focus is on the page then', await page.getByRole('main').evaluate(isActive), true);

  await page.goto('/');
  await tabTo(page, 'link', 'Orders', unseen);
  await page.keyboard.press('Enter');
  await judge.soon(
    'a link of the navigation opens its page',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Orders',
  );
  await judge.soon(
    'the focus is on the heading of the new page',
    () => page.getByRole('heading', { level: 1 }).evaluate(isActive),
    true,
  );
  await tabTo(page, 'combobox', 'Review', unseen);
  await page.keyboard.type('Pend');
  await judge.soon('a choice is made by its letters', async () => queryOf(page), {
    where: 'review_status=PENDING',
  });
  await judge.soon('the filter counts', () => columnOf(page, 'Orders', 'Order'), ['review']);
  await tabTo(page, 'button', 'Clear filters', unseen);
  await page.keyboard.press('Space');
  await judge.soon('the filters are gone', async () => queryOf(page), {});
  await tabTo(page, 'link', 'calm', unseen);
  await page.keyboard.press('Enter');
  await judge.soon(
    'a row opens its order',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Order calm',
  );
  await confirmsByKeyboard(world, unseen);
  judge.same('the focus is seen at each stop', [...new Set(unseen)], []);
}

/** Pauses the target, and lets it go on. */
async function confirmsByKeyboard({ page, judge }: World, unseen: Unseen): Promise<void> {
  await page.goto('/pipeline?tab=targets');
  await page.getByRole('region', { name: TARGET, exact: true }).waitFor();
  await tabTo(page, 'button', 'Pause', unseen);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('alertdialog', { name: `Pause target ${TARGET}?` });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await judge.soon('Escape leaves the dialog', () => dialog.count(), 0);
  await judge.soon(
    'the focus is back on the button that opened it',
    () => focusIs(page, 'button', 'Pause'),
    true,
  );
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await tabTo(page, 'textbox', 'Reason, which the audit log keeps', unseen);
  await page.keyboard.type('by the keyboard');
  await tabTo(page, 'button', 'Cancel', unseen);
  await page.keyboard.press('Tab');
  judge.same(
    'the confirmation is the next stop',
    await dialog.getByRole('button', { name: 'Pause' }).evaluate(isActive),
    true,
  );
  await page.keyboard.press('Enter');
  const card = page.getByRole('region', { name: TARGET, exact: true });
  await judge.soon(
    'the target is paused by the keyboard',
    async () => (await textOf(card)).includes('paused'),
    true,
  );
  await page.goto('/pipeline?tab=pauses');
  await page.getByRole('button', { name: 'End the pause' }).waitFor();
  await tabTo(page, 'button', 'End the pause', unseen);
  await page.keyboard.press('Space');
  await tabTo(page, 'textbox', 'Reason, which the audit log keeps', unseen);
  await page.keyboard.type('by the keyboard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await judge.soon(
    'the pause is ended by the keyboard',
    () => page.getByText('Nothing is paused.').count(),
    1,
  );
}

type Role = 'link' | 'button' | 'combobox' | 'textbox';

/** Presses Tab until the focus is on the element with this role and name. Notes the stops whose focus cannot be seen. */
async function tabTo(page: Page, role: Role, name: string, unseen: Unseen): Promise<void> {
  for (let stop = 0; stop < STOPS_MAX; stop++) {
    await page.keyboard.press('Tab');
    const { text, isSeen } = await page.evaluate(focused);
    if (!isSeen) unseen.push(text);
    if (text.includes(name) && (await focusIs(page, role, name))) return;
  }
  throw new Error(`The Tab key does not reach the ${role} "${name}" on ${page.url()}`);
}

async function focusIs(page: Page, role: Role, name: string): Promise<boolean> {
  for (const element of await page.getByRole(role, { name, exact: true }).all())
    if (await element.evaluate(isActive)) return true;
  return false;
}

function isActive(element: unknown): boolean {
  return element === document.activeElement;
}

/** The texts that may name the element with the focus, and whether the focus can be seen. */
function focused(): { text: string; isSeen: boolean } {
  const element = document.activeElement;
  if (element === null || element === document.body) return { text: '', isSeen: true };
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const labels = [...(element.labels ?? [])].map(({ textContent }) => textContent);
  return {
    text: [element.getAttribute('aria-label'), ...labels, element.textContent].join(' '),
    isSeen: element.matches(':focus-visible') && outlineStyle !== 'none' && outlineWidth !== '0px',
  };
}
