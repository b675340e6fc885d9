/** The home page: is the sync healthy, how far behind is it, where is it stuck, and what needs a person. */
import type { Page, Response } from 'playwright-core';
import { TARGET } from '../../operator/stage.ts';
import { all, saying, textOf, textsOf } from '../reading.ts';
import { UNWANTED } from '../story.ts';
import type { World } from '../world.ts';

/** The most bytes of script, as they come over the wire, with which the first page is there. */
const SCRIPT_BYTES_MAX = 150_000;

/** Opens the first page of a session that has nothing in its cache. */
export async function loadsLittle({ page, judge }: World): Promise<void> {
  const scripts: Response[] = [];
  const note = (response: Response) => {
    if (response.request().resourceType() === 'script') scripts.push(response);
  };
  page.on('response', note);
  await page.goto('/');
  await judge.soon('the first page is there', () => page.getByRole('list', { name: 'Numbers' }).count(), 1);
  page.off('response', note);
  const sizes = await Promise.all(scripts.map((response) => response.request().sizes()));
  const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
  judge.same(
    'the first page loads less than 150 KB of script',
    bytes < SCRIPT_BYTES_MAX ? 'less' : bytes,
    'less',
  );
  judge.same('the first page loads script', bytes > 0, true);
}

export async function showsTheHealth(world: World): Promise<void> {
  const { page, judge, look } = world;
  await page.goto('/');
  await judge.soon(
    'the home page says what needs a person, and how far the journal is behind',
    () => textOf(page.getByRole('heading', { level: 1 })),
    '2 things need a person. The journal is up to date.',
  );
  await judge.soon('the window is called Home', () => page.title(), 'Home · Tributary');
  await judge.soon(
    'the header has the verdict on each page',
    () => textsOf(page.getByRole('banner').getByRole('link')),
    ['Tributary', '2 things need a person'],
  );
  const tiles = page.getByRole('list', { name: 'Numbers' }).getByRole('link');
  await judge.soon(
    'the numbers are those of the story',
    async () => (await textsOf(tiles)).filter((text) => !text.startsWith('End to end')),
    [
      'Lag 0 s 0 records to read',
      'Due 0 the targets have all states',
      `Dead letters ${UNWANTED.length} wait for a redrive`,
      'Quarantine 3 records were refused',
      'Halted partitions 0 all are read',
    ],
  );
  await judge.soon(
    'the end-to-end time is a number',
    async () =>
      /^End to end [\d.]+ m?s p95 of the last 5 min/.test(
        await textOf(tiles.filter({ hasText: 'End to end' })),
      ),
    true,
  );
  await showsTheFlow(world);
  judge.same(
    'the words below the picture do not say that nothing is stuck while a part of it is',
    await page.getByText('Nothing is stuck.').count(),
    0,
  );
  await judge.soon(
    'each thing that needs a person is a link to its page',
    () => textsOf(page.getByRole('region', { name: 'Needs a person' }).getByRole('link')),
    ['See the dead letters', 'See the refused records'],
  );
  await judge.soon(
    'the navigation counts what waits',
    () => textsOf(page.getByRole('navigation', { name: 'Pages' }).getByRole('link')),
    [
      'Home',
      'Orders',
      'Pipeline',
      `Deliveries ${UNWANTED.length} dead letters`,
      'Quarantine 3 open records',
      'Jobs',
      'Audit log',
      'Try it',
      'Settings',
    ],
  );
  await look('home');
}

/** The picture of the flow: each part is a link, and the same stands below it in words. */
async function showsTheFlow({ page, judge, stage }: World): Promise<void> {
  const { topics } = stage.place;
  const flow = page.getByRole('group', { name: 'The flow of events' });
  const boxes = [topics.order, topics.payment, 'Journal and view', 'Quarantine', TARGET, 'Dead letters'];
  await judge.soon(
    'the picture of the flow has every part',
    async () => {
      const shown = (await flow.getByRole('link').allTextContents()).map((text) =>
        text.replaceAll(/\s+/g, ' '),
      );
      return boxes.map((box) =>
        shown.some((text) => text.startsWith(box) || box.startsWith(text.slice(0, 12))),
      );
    },
    boxes.map(() => true),
  );
  const said = [`${UNWANTED.length} dead`, '3 open', 'stuck'];
  await judge.soon(
    'the picture says where it is stuck',
    async () => saying(await flowText(page), said),
    all(said),
  );
  await judge.soon('the edges have rates', () => ratesOn(page), {
    in: 2,
    journaled: 1,
    delivered: 1,
    refused: 1,
  });
}

/** SVG has no inner text. */
async function flowText(page: Page): Promise<string> {
  const flow = page.getByRole('group', { name: 'The flow of events' });
  return ((await flow.textContent()) ?? '').replaceAll(/\s+/g, ' ');
}

/** The number of rates a second of each kind. */
async function ratesOn(page: Page): Promise<Record<string, number>> {
  const text = await flowText(page);
  const kinds = ['in', 'journaled', 'delivered', 'refused'];
  return Object.fromEntries(
    kinds.map((kind) => [kind, text.match(new RegExp(`[\\d.]+/s ${kind}`, 'g'))?.length ?? 0]),
  );
}

/** What is there 20 s after the start. */
export async function showsTheHour({ page, judge }: World): Promise<void> {
  await page.goto('/');
  const hour = page.getByRole('region', { name: 'The last hour of this instance' });
  await judge.soon(
    'the picture has the rate of what becomes due',
    async () => /[\d.]+\/s due/.test(await flowText(page)),
    true,
  );
  await judge.soon(
    'the last hour has its plots',
    () => textsOf(hour.getByRole('figure').getByRole('strong')),
    ['Lag', 'Throughput', 'From record to journal', 'From record to target'],
  );
}
