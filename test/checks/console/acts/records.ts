/** What was decided and done: jobs, and the audit log. */
import { TARGET } from '../../operator/stage.ts';
import { all, cellsOf, columnOf, saying, textOf } from '../reading.ts';
import { DISCARDED_BECAUSE, LOOKED_BECAUSE, UNWANTED } from '../story.ts';
import type { World } from '../world.ts';
import { REDRIVEN_BECAUSE } from './deliveries.ts';
import { GOES_ON_BECAUSE, PAUSED_BECAUSE } from './pipeline.ts';
import { NOT_WANTED_BECAUSE } from './quarantine.ts';

export async function listsJobs({ page, judge, look }: World): Promise<void> {
  await page.goto('/jobs');
  await judge.soon(
    'the jobs of the story are listed, the newest first, each with its reason',
    async () =>
      (await cellsOf(page, 'Jobs', ['Job', 'State', 'Reason']))?.filter(([, , reason = '']) =>
        [LOOKED_BECAUSE, REDRIVEN_BECAUSE].includes(reason),
      ) ?? null,
    [
      ['Redrive of dead letters', 'done', REDRIVEN_BECAUSE],
      ['Redrive of dead letters', 'done · dry run', LOOKED_BECAUSE],
    ],
  );
  await look('jobs');
  const row = page.getByRole('row').filter({ hasText: REDRIVEN_BECAUSE });
  await row.getByRole('link').click();
  const facts = ['done', REDRIVEN_BECAUSE, `redriven ${UNWANTED.length}`, `"target": "${TARGET}"`];
  await judge.soon(
    'the page of the job has its counts, its reason and its filter',
    async () => saying(await textOf(page.getByRole('main')), facts),
    all(facts),
  );
  await look('job');
}

export async function listsDecisions({ page, judge, look }: World): Promise<void> {
  await page.goto('/audit');
  const reasons = [GOES_ON_BECAUSE, PAUSED_BECAUSE, NOT_WANTED_BECAUSE, REDRIVEN_BECAUSE, DISCARDED_BECAUSE];
  await judge.soon(
    'everything that was decided has its reason in the audit log',
    async () => {
      const found = (await columnOf(page, 'Decisions', 'Reason')) ?? [];
      return Object.fromEntries(reasons.map((reason) => [reason, found.includes(reason)]));
    },
    all(reasons),
  );
  await look('audit');
  const find = page.getByRole('searchbox', { name: 'Find' });
  await find.fill(PAUSED_BECAUSE);
  await find.press('Enter');
  await judge.soon('the audit log is searched by words', () => columnOf(page, 'Decisions', 'Reason'), [
    PAUSED_BECAUSE,
  ]);
}
