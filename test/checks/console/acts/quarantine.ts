/** Refused records: by reason, their bytes, and what becomes of them. */
import type { Page } from 'playwright-core';
import { all, cellsOf, columnOf, queryOf, saying, textOf, textsOf } from '../reading.ts';
import { DISCARDED_BECAUSE, nameOf } from '../story.ts';
import type { World } from '../world.ts';

export const NOT_WANTED_BECAUSE = 'a test of the source';
const LIST = 'Quarantined records';
const namesOn = async (page: Page) => (await columnOf(page, LIST, 'Record'))?.sort() ?? null;

export async function listsRefusedRecords({ page, judge, story, stage, look }: World): Promise<void> {
  const { topics } = stage.place;
  const names = story.refused.map(nameOf);
  await page.goto('/');
  await page.getByRole('link', { name: 'See the refused records' }).click();
  await judge.soon('the open records are those of the story', () => namesOn(page), names.slice(0, 3).sort());
  const groups = page.getByRole('group', { name: 'Open records by reason' }).getByRole('button');
  await judge.soon('the records are grouped by reason', async () => (await textsOf(groups)).sort(), [
    `json_invalid ${topics.payment} 1`,
    `key_missing ${topics.order} 2`,
  ]);
  await look('quarantine');
  await groups.filter({ hasText: 'key_missing' }).click();
  await judge.soon('a group becomes filters of the address', async () => queryOf(page), {
    topic: topics.order,
    reason: 'key_missing',
  });
  await judge.soon('the group has its records', () => namesOn(page), names.slice(0, 2).sort());
  await page.getByRole('button', { name: 'Redrive all that match' }).click();
  const dialog = page.getByRole('dialog', { name: 'Redrive all that match?' });
  const touches = [`topic = ${topics.order}`, 'reason = key_missing', 'matched 2', 'passed 0'];
  await judge.soon(
    'the dry run says that the decoder of today takes none of them',
    async () => saying(await textOf(dialog), touches),
    all(touches),
  );
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.goto('/quarantine?state=settled');
  await judge.soon(
    'the discarded record is among the settled ones',
    () => cellsOf(page, LIST, ['Record', 'State']),
    [[names[3] ?? '', 'discarded']],
  );
}

export async function showsARefusedRecord({ page, judge, story, look }: World): Promise<void> {
  const [, , cut, discarded] = story.refused;
  if (cut === undefined || discarded === undefined) return;
  const [name, value = ''] = [nameOf(cut), story.refusedValues[2]];
  await page.goto('/quarantine');
  await page.getByRole('link', { name, exact: true }).click();
  await judge.soon(
    'the record is named',
    () => textOf(page.getByRole('heading', { level: 1 })),
    `Refused record ${name}`,
  );
  await judge.soon(
    'the value is shown as text',
    async () => (await page.getByRole('region', { name: 'Value as text: the text' }).textContent())?.trim(),
    value,
  );
  const bytes = page.getByRole('region', { name: `Value, ${value.length} bytes` });
  await bytes.getByRole('tab', { name: 'Hex' }).click();
  const line = [...Buffer.from(value).subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(' ');
  await judge.soon(
    'the value is shown in hexadecimal',
    async () =>
      (await page.getByRole('region', { name: 'Value in hexadecimal' }).textContent())?.startsWith(
        `00000000  ${line}  `,
      ),
    true,
  );
  const why = page.getByRole('region', { name: 'Why it was refused' });
  await judge.soon('the reason is said', async () => (await textOf(why)).includes('json_invalid'), true);
  await look('record');
  await why.getByRole('button', { name: 'Discard this record' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Discard this record?' });
  await judge.soon(
    'the confirmation names the record',
    async () => (await textOf(dialog)).includes(name),
    true,
  );
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(NOT_WANTED_BECAUSE);
  await dialog.getByRole('button', { name: 'Discard 1' }).click();
  await judge.soon(
    'the record is discarded, for this reason',
    async () => (await textOf(why)).includes(NOT_WANTED_BECAUSE),
    true,
  );
  judge.same('nothing can be done with it any more', await why.getByRole('button').count(), 0);
  await page.goto(`/quarantine/${nameOf(discarded)}`);
  await judge.soon(
    'a record that was discarded before says why',
    async () => (await textOf(why)).includes(DISCARDED_BECAUSE),
    true,
  );
}
