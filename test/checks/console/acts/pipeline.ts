/** The pipeline: its partitions, and what an operator pauses and lets go on. */
import { created } from '../../operator/events.ts';
import { TARGET } from '../../operator/stage.ts';
import { all, cellsOf, queryOf, saying, textOf, textsOf } from '../reading.ts';
import type { World } from '../world.ts';

export const PAUSED_BECAUSE = 'the source sends test data';
export const GOES_ON_BECAUSE = 'the source has stopped';
const LIST = 'Partitions';
const STATE_COLUMNS = ['Partition', 'State', 'Lag', 'Records to read'];

export async function showsThePipeline({ page, judge, stage, look }: World): Promise<void> {
  await page.goto('/pipeline');
  const partitions = Object.values(stage.place.topics).flatMap((topic) => [`${topic}/0`, `${topic}/1`]);
  await judge.soon(
    'each partition has its state, its lag, its offsets and its owner',
    () => cellsOf(page, LIST, [...STATE_COLUMNS, 'Next offset', 'End', 'Instance']),
    partitions.map((name) => {
      const end = String(stage.ends.get(name) ?? 0n);
      return [name, 'read', '0 s', '0', end, end, 'this one'];
    }),
  );
  await look('partitions');
  const parts = page.getByRole('tablist', { name: 'Parts of the pipeline' });
  await parts.getByRole('tab', { name: 'Targets' }).click();
  await judge.soon('the tab stands in the address', async () => queryOf(page), { tab: 'targets' });
  await judge.soon(
    'the target takes deliveries',
    async () =>
      (await textOf(page.getByRole('region', { name: TARGET, exact: true }))).includes('takes deliveries'),
    true,
  );
  await parts.getByRole('tab', { name: 'Instance' }).click();
  const health = page.getByRole('region', { name: 'Health' });
  const facts = ['ready', `${partitions.length} owned: `];
  await judge.soon(
    'the instance says what it owns',
    async () => saying(await textOf(health), facts),
    all(facts),
  );
}

export async function pausesAPartition({ page, judge, stage }: World): Promise<void> {
  const { topics } = stage.place;
  await page.goto('/pipeline');
  const name = `${topics.order}/0`;
  const row = async () =>
    (await cellsOf(page, LIST, STATE_COLUMNS))?.find(([partition]) => partition === name) ?? null;
  const inTable = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  await inTable.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('alertdialog', { name: `Pause partition ${name}?` });
  const confirm = dialog.getByRole('button', { name: 'Pause' });
  judge.same('without a reason nothing is paused', await confirm.isDisabled(), true);
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(PAUSED_BECAUSE);
  await confirm.click();
  await judge.soon('the partition is paused', async () => (await row())?.[1], 'paused');
  // Enough orders that some are in each partition.
  const ids = Array.from({ length: 12 }, (_, index) => `paused-${index + 1}`);
  const told = await stage.publish(ids.map((id) => created(topics, id)));
  const waiting = told.filter(({ partition }) => partition === 0).length;
  await judge.soon('its records wait', async () => (await row())?.[3], String(waiting));
  await page.goto('/');
  await judge.soon(
    'the home page says that the partition is paused',
    async () =>
      (await textsOf(page.getByRole('figure').getByRole('listitem'))).includes(`${name} is paused.`),
    true,
  );
  await page.goto('/pipeline?tab=pauses');
  await judge.soon('the pause is listed with its reason', () => cellsOf(page, 'Pauses', ['Part', 'Reason']), [
    [`partition ${name}`, PAUSED_BECAUSE],
  ]);
  await page.getByRole('button', { name: 'End the pause' }).click();
  const end = page.getByRole('alertdialog', { name: `Let partition ${name} go on?` });
  await end.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(GOES_ON_BECAUSE);
  await end.getByRole('button', { name: 'End the pause' }).click();
  await judge.soon('nothing is paused any more', () => page.getByText('Nothing is paused.').count(), 1);
  await page.goto('/pipeline');
  await judge.soon('the partition is read to its end', row, [name, 'read', '0 s', '0']);
}

export async function comparesWithTheJournal({ page, judge }: World): Promise<void> {
  await page.goto('/pipeline?tab=verify');
  await page.getByLabel('Orders').selectOption({ label: 'all orders' });
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Compare?' });
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill('once a week');
  await dialog.getByRole('button', { name: 'Compare', exact: true }).click();
  const progress = page.getByRole('region', { name: 'Progress of the job' });
  const done = ['Verification', 'done', 'differences 0'];
  await judge.soon(
    'the comparison finds no difference',
    async () => saying(await textOf(progress), done),
    all(done),
  );
}
