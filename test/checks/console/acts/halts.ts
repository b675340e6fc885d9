/** A partition whose next records are gone: what is missing, the operator's decision, and who made it. */
import { created } from '../../operator/events.ts';
import type { Told } from '../../operator/stage.ts';
import { all, cellsOf, columnOf, saying, textOf, textsOf } from '../reading.ts';
import type { World } from '../world.ts';

export const RESUMED_BECAUSE = 'retention took the record, and the source has sent it again';

/** Stops order-sync, takes a record away that it has not read, and starts it again with a fold that was corrected. */
export async function decidesAboutAHalt({ page, judge, stage, look }: World): Promise<void> {
  const { place } = stage;
  // A page that is open would report that order-sync does not answer.
  await page.goto('about:blank');
  let lost: Told | undefined;
  let next: Told | undefined;
  await stage.restart({ CHECK_FOLD: 'fixed' }, async () => {
    [lost, next] = await stage.publish([created(place.topics, 'gone'), created(place.topics, 'gone', 1)]);
    if (next !== undefined) await place.deleteBelow(next.topic, next.partition, next.offset);
  });
  if (lost === undefined || next === undefined) throw new Error('The records have no place');
  const name = `${lost.topic}/${lost.partition}`;
  await stage.readyz(503, name);

  await page.goto('/');
  const trouble = `${name} stands still until you decide where it goes on.`;
  await judge.soon(
    'the home page says what stands still',
    async () => (await textsOf(page.getByRole('figure').getByRole('listitem'))).includes(trouble),
    true,
  );
  await judge.soon(
    'the home page counts the halted partition',
    () => textOf(page.getByRole('list', { name: 'Numbers' }).getByRole('link', { name: /^Halted/ })),
    'Halted partitions 1 wait for a decision',
  );
  await look('home-halted');
  await page.getByRole('link', { name: 'Decide where it goes on' }).click();
  const halt = page.getByRole('region', { name: `${name} is halted` });
  const at = String(next.offset);
  const facts = [
    `Missing range ${lost.offset}`,
    `Next offset to journal ${lost.offset}`,
    `At the start of the log, offset ${at}`,
    `It leaves out the record at offset ${lost.offset}, for ever.`,
  ];
  await judge.soon(
    'the page says what is missing',
    async () => saying(await textOf(halt), facts),
    all(facts),
  );
  await look('pipeline');
  await halt.getByRole('button', { name: `Let it go on at ${at}` }).click();
  const dialog = page.getByRole('alertdialog', { name: `Let ${name} go on at offset ${at}?` });
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(RESUMED_BECAUSE);
  await dialog.getByRole('button', { name: 'Decide' }).click();
  await judge.soon('the partition is read again', () => columnOf(page, 'Partitions', 'State'), [
    'read',
    'read',
    'read',
    'read',
  ]);
  await judge.soon('nothing is halted any more', () => halt.count(), 0);
  await stage.tell([]);
  await page.goto('/');
  await page.getByRole('link', { name: 'Audit log' }).click();
  const find = page.getByRole('searchbox', { name: 'Find' });
  await find.fill(name);
  await find.press('Enter');
  await judge.soon(
    'the audit log says who resumed the partition, and why',
    async () =>
      (await cellsOf(page, 'Decisions', ['Reason', 'About', 'By']))
        ?.filter(([reason]) => reason === RESUMED_BECAUSE)
        .map(([, about, by]) => [about, by !== '']) ?? null,
    [[name, true]],
  );
}
