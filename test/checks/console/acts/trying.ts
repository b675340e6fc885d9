/** The page that publishes events, to try things out. */
import { cellsOf, textOf } from '../reading.ts';
import type { World } from '../world.ts';

const SENT = 'Events that you have sent';
const COLUMNS = ['Event', 'Published', 'Journaled', 'Targets are up to date'];

export async function sendsEvents({ page, judge, stage, look }: World): Promise<void> {
  await page.goto('/try');
  const stages = async () =>
    (await cellsOf(page, SENT, COLUMNS))?.map(([event, published, journaled, delivered]) => [
      event,
      published,
      journaled?.startsWith('after '),
      delivered?.startsWith('after '),
    ]) ?? null;
  await page.getByRole('button', { name: 'Send An early payment' }).click();
  await judge.soon('the scenario goes through', stages, [
    ['created, a second earlier', 'yes', true, true],
    ['authorised', 'yes', true, true],
  ]);
  await look('try');
  await page.getByLabel('Type of the event').selectOption('ORDER');
  const form = page.getByRole('region', { name: 'A single event' });
  await form.getByLabel('orderId').fill('tried');
  await form.getByRole('button', { name: 'Send the event' }).click();
  await judge.soon('a single event goes through', async () => (await stages())?.[0], [
    'ORDER',
    'yes',
    true,
    true,
  ]);
  await page.getByRole('link', { name: 'tried', exact: true }).click();
  await judge.soon(
    'the order that was sent has a page',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Order tried',
  );
  const { answer } = await stage.desk.request('/orders/tried');
  judge.same('order-sync has the order', (answer as { version: number }).version, 1);
}
