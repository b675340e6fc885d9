/** A fold that was corrected: what a rebuild would change, and the switch to it. */
import { all, cellsOf, saying, textOf } from '../reading.ts';
import type { World } from '../world.ts';

export const REBUILT_BECAUSE = 'declined reviews were taken for accepted ones';

export async function rebuildsTheView({ page, judge, stage, look }: World): Promise<void> {
  await page.goto('/pipeline?tab=rebuild');
  const awaited = 'Rows and deliveries wait for a rebuild by fold version 2.';
  await judge.soon(
    'the page says that rows wait for a rebuild',
    async () =>
      saying(await textOf(page.getByRole('region', { name: 'The view' })), ['fold version 1', awaited]),
    all(['fold version 1', awaited]),
  );
  await page.getByRole('button', { name: 'Rebuild the view' }).click();
  const begin = page.getByRole('alertdialog', { name: 'Rebuild the view beside the present one?' });
  await begin.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(REBUILT_BECAUSE);
  await begin.getByRole('button', { name: 'Begin' }).click();
  const report = page.getByRole('region', { name: /^Rebuild [0-9a-f]{8} by fold version 2$/ });
  // Both orders were declined. The fold with the bug had them ready.
  const facts = [
    '1 before, 2 after',
    'different 2',
    'payment status 2',
    'review status 2',
    'ready to send 2',
  ];
  await judge.soon(
    'the report counts what would change',
    async () => saying(await textOf(report), facts),
    all(facts),
  );
  await judge.soon(
    'the report names the orders that would change, with both rows',
    async () =>
      (await cellsOf(report, 'Examples of what differs', ['Order', 'Before', 'After']))?.map(
        ([id, before, after]) => [
          id,
          before?.includes('AUTHORIZATION_REVIEW_ACCEPTED'),
          after?.includes('AUTHORIZATION_REVIEW_DECLINED'),
        ],
      ) ?? null,
    [
      ['declined', true, true],
      ['live', true, true],
    ],
  );
  await look('rebuild');
  await report.getByRole('button', { name: 'Switch to it' }).click();
  const dialog = page.getByRole('alertdialog', { name: /^Switch to the rebuild/ });
  await judge.soon(
    'the confirmation says what it changes',
    async () => (await textOf(dialog)).includes('2 rows differ, '),
    true,
  );
  await dialog.getByRole('textbox', { name: 'Reason, which the audit log keeps' }).fill(REBUILT_BECAUSE);
  await dialog.getByRole('button', { name: 'Switch', exact: true }).click();
  await judge.soon(
    'the view is that of the corrected fold',
    async () =>
      (await textOf(page.getByRole('region', { name: 'The view' }))).includes(
        'fold version 2 State ✓ steady',
      ),
    true,
  );
  await stage.delivered();
  await page.goto('/orders/declined');
  await judge.soon(
    'the order is declined now',
    async () => (await textOf(page.getByRole('main'))).includes('Not ready: its payment was declined since'),
    true,
  );
}
