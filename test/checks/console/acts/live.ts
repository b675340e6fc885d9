/** Pages follow what is committed, can be paused, and catch up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { created, payment, withoutKey } from '../../operator/events.ts';
import { cellsOf, textOf } from '../reading.ts';
import { AUTHORIZED, DECLINED, PENDING } from '../story.ts';
import type { World } from '../world.ts';

/** Longer than a live update takes. */
const QUIET_MS = 1_500;

interface Watched {
  readonly textContent: string;
}
declare class MutationObserver {
  constructor(changed: () => void);
  observe(element: Watched, options: object): void;
  disconnect(): void;
}

/** Resolves with the page's own time at which the element's text has this in it. */
function shownAt(locator: Locator, text: string): Promise<number> {
  return locator.evaluate(
    (element: Watched, wanted) =>
      new Promise<number>((resolve) => {
        const isThere = () => element.textContent.replaceAll(/\s+/g, ' ').includes(wanted);
        if (isThere()) return resolve(Date.now());
        const observer = new MutationObserver(() => {
          if (!isThere()) return;
          observer.disconnect();
          resolve(Date.now());
        });
        observer.observe(element, { subtree: true, childList: true, characterData: true, attributes: true });
      }),
    text,
  );
}

export async function followsTheLog(world: World): Promise<void> {
  const { page, judge, stage } = world;
  const { topics } = stage.place;
  const isLive = () => page.getByText('Live', { exact: true }).count();

  await page.goto('/orders');
  await judge.soon('the list of orders is live', isLive, 1);
  const row = page
    .getByRole('table', { name: 'Orders' })
    .getByRole('row')
    .filter({ has: page.getByRole('link', { name: 'live', exact: true }) });
  await row.waitFor();
  const inList = shownAt(row, 'Authorised');
  await stage.publish([payment(topics, 'live', AUTHORIZED, 1)]);
  judge.live('the list shows an event after its commit', (await inList) - (await journaledMs(world, 2)));

  await page.goto('/orders/live');
  const main = page.getByRole('main');
  await judge.soon('the page of the order is live', isLive, 1);
  await judge.soon(
    'the page of the order has read it',
    () => page.getByRole('region', { name: 'The row, version 2' }).count(),
    1,
  );
  const onOrder = shownAt(main, 'The row, version 3');
  await stage.publish([payment(topics, 'live', PENDING, 2)]);
  judge.live(
    'the page of the order shows an event after its commit',
    (await onOrder) - (await journaledMs(world, 3)),
  );

  await page.goto('/');
  await judge.soon('the home page is live', isLive, 1);
  const tile = page.getByRole('list', { name: 'Numbers' }).getByRole('link', { name: /^Quarantine/ });
  await judge.soon(
    'the home page has read the counts',
    () => textOf(tile),
    'Quarantine 3 records were refused',
  );
  const onHome = shownAt(tile, '4');
  await stage.publish([withoutKey(created(topics, 'keyless-3'))]);
  judge.live('the home page shows a refusal after its commit', (await onHome) - (await lastRefusalMs(world)));
}

export async function pausesAndGoesOn({ page, judge, stage }: World): Promise<void> {
  const version = async () =>
    (await cellsOf(page, 'Orders', ['Order', 'version']))?.find(([id]) => id === 'live')?.at(-1) ?? null;
  await page.goto('/orders');
  await judge.soon('the list has the version before the pause', version, '3');
  await page.getByRole('button', { name: 'Pause live changes' }).click();
  await judge.soon(
    'the header says that the page is paused',
    () => page.getByText('Paused', { exact: true }).count(),
    1,
  );
  await stage.tell([payment(stage.place.topics, 'live', DECLINED, 3)]);
  await sleep(QUIET_MS);
  judge.same('a paused page stands still', await version(), '3');
  await page.getByRole('button', { name: 'Go on with live changes' }).click();
  await judge.soon('the page catches up with what came in the pause', version, '4');
}

async function journaledMs({ stage }: World, version: number): Promise<number> {
  const { answer } = await stage.desk.request('/orders/live/events');
  const { data } = answer as { data: readonly { version: number; journaledAt: string }[] };
  return Date.parse(data.find((event) => event.version === version)?.journaledAt ?? '');
}

async function lastRefusalMs({ stage }: World): Promise<number> {
  const { answer } = await stage.desk.request('/quarantine?limit=1000');
  const { data } = answer as { data: readonly { quarantinedAt: string }[] };
  return Math.max(...data.map(({ quarantinedAt }) => Date.parse(quarantinedAt)));
}
