/** Dead letters: by reason, and redriven all at once, first dry, by a job that goes on while the page is loaded again. */
import { TARGET } from '../../operator/stage.ts';
import { all, cellsOf, columnOf, queryOf, saying, textOf } from '../reading.ts';
import { REFUSED_ANSWER, UNWANTED } from '../story.ts';
import type { World } from '../world.ts';

export const REDRIVEN_BECAUSE = 'the customers are known now';
const LIST = 'Dead letters';

export async function listsDeadLetters({ page, judge, look }: World): Promise<void> {
  await page.goto('/');
  await page.getByRole('link', { name: 'See the dead letters' }).click();
  await judge.soon(
    'the page lists dead letters',
    () => textOf(page.getByRole('heading', { level: 1 })),
    'Dead letters',
  );
  await judge.soon(
    'the dead letters are those of the story, with what the target said',
    () => cellsOf(page, LIST, ['Order', 'Target', 'Status', 'Due version', 'Accepted']),
    UNWANTED.map((id) => [id, TARGET, 'dead', '2', 'none']),
  );
  await judge.soon(
    'each dead letter says what the target answered',
    async () =>
      (await columnOf(page, LIST, 'Last answer'))?.map((answer) => saying(answer, ['422', REFUSED_ANSWER])) ??
      null,
    UNWANTED.map(() => all(['422', REFUSED_ANSWER])),
  );
  await page.getByRole('group', { name: 'Loaded dead letters by reason' }).getByRole('button').click();
  await judge.soon('the reason becomes a filter of the address', async () => queryOf(page), {
    status: 'dead',
    lastStatus: '422',
  });
  const field = page.getByRole('textbox', { name: 'Order id' });
  await field.fill('unwanted-3');
  await field.press('Enter');
  await judge.soon('filters go together', () => columnOf(page, LIST, 'Order'), ['unwanted-3']);
  await field.fill('');
  await field.press('Enter');
  await judge.soon(
    'a filter that is emptied is gone',
    async () => (await columnOf(page, LIST, 'Order'))?.length,
    UNWANTED.length,
  );
  await look('deliveries');
}

export async function redrivesInBulk({ page, judge, stage }: World): Promise<void> {
  await page.goto(`/deliveries?status=dead&target=${TARGET}&lastStatus=422`);
  await page.getByRole('button', { name: 'Redrive all dead letters that match' }).click();
  const dialog = page.getByRole('dialog', { name: 'Redrive all dead letters that match?' });
  const touches = [
    `target = ${TARGET}`,
    'lastStatus = 422',
    'A dry run found:',
    `matched ${UNWANTED.length}`,
  ];
  await judge.soon(
    'the dialog names what it touches, and a dry run has counted it',
    async () => saying(await textOf(dialog), touches),
    all(touches),
  );
  const confirm = dialog.getByRole('button', { name: `Redrive ${UNWANTED.length}` });
  judge.same('without a reason nothing is redriven', await confirm.isDisabled(), true);
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(REDRIVEN_BECAUSE);
  stage.gateway.refused.clear();
  await confirm.click();
  const progress = page.getByRole('region', { name: 'Progress of the job' });
  await progress.waitFor();
  const job = queryOf(page).job ?? '';
  judge.same('the address names the job', /^[0-9a-f-]{36}$/.test(job), true);
  const state = async () => {
    const { answer } = await stage.desk.request(`/jobs/${job}`);
    return (answer as { state: string }).state;
  };
  await page.reload();
  judge.same(
    'the job is under way when the page is loaded again',
    ['waiting', 'running'].includes(await state()),
    true,
  );
  await judge.soon(
    'the progress is there after the reload',
    () => progress.getByRole('progressbar').count(),
    1,
  );
  const done = ['done', `redriven ${UNWANTED.length}`];
  await judge.soon(
    'the job comes to its end on the page',
    async () => saying(await textOf(progress), done),
    all(done),
  );
  await judge.soon(
    'nothing is dead any more',
    () => textOf(page.getByText('There are no dead letters.')),
    'There are no dead letters.',
  );
  await stage.delivered();
  await page.goto('/deliveries?status=delivered&entityId=unwanted-6');
  await judge.soon(
    'the target has taken what was redriven',
    () => cellsOf(page, 'Deliveries', ['Order', 'Status', 'Due version', 'Accepted']),
    [['unwanted-6', 'delivered', '2', '2']],
  );
}
