import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { jobsCommand } from '../../../../src/apps/order-sync/commands/jobs.ts';
import { deadLettersCommand, redriveCommand } from '../../../../src/apps/order-sync/commands/redrive.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { claimDue, LEASE_MS, settlement } from '../../../contract/store/delivery-helpers.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { ledgerOf } from '../ledger.ts';

async function orderSync(folder: string, ...argv: string[]) {
  const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder });
  const commands = [deadLettersCommand(systemClock), redriveCommand(systemClock), jobsCommand(systemClock)];
  const code = await runCli(
    { program: 'order-sync', summary: 'Syncs.', examples: [['order-sync', 'Sync']], commands },
    host,
  );
  return { code, out: host.stdout.text, error: host.stderr.text };
}

const IDS = ['a', 'b\u202e\n', 'c', 'z'];

describe('order-sync dead-letters', () => {
  it('prints one line for each dead delivery, whatever its id', async () => {
    const { folder } = await ledgerOf(IDS);
    const { code, out } = await orderSync(folder, 'dead-letters');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'order-mgt  "a"  version 1  attempts 1  status 422  "It answered 422."  saying "{\\"detail\\":\\"who\\u202e?\\"}"',
      'order-mgt  "b\\u202e\\n"  version 1  attempts 1  status 400  "It answered 400."',
      'order-mgt  "c"  version 1  attempts 1  status 400  "It answered 400."',
      '',
    ]);
  });

  it('prints the dead deliveries that match a filter, also as JSON', async () => {
    const { folder } = await ledgerOf(IDS);
    const some = await orderSync(folder, 'dead-letters', '--status', '400', '--limit', '1', '--json');
    expect(JSON.parse(some.out)).toMatchObject([{ entityId: 'b\u202e\n', lastStatus: 400 }]);
    expect((await orderSync(folder, 'dead-letters', '--target', 'other', '--json')).out).toBe('[]\n');
  });

  it('prints the beginning of the last answer as JSON', async () => {
    const { folder } = await ledgerOf(IDS);
    const { out } = await orderSync(folder, 'dead-letters', '--json');
    expect(JSON.parse(out).map(({ lastAnswer }: { lastAnswer: string | null }) => lastAnswer)).toEqual([
      '{"detail":"who\u202e?"}',
      null,
      null,
    ]);
  });

  it('says what is tried again, and what is dead besides, if it shows nothing', async () => {
    const { folder, store, clock } = await ledgerOf(IDS);
    const filtered = await orderSync(folder, 'dead-letters', '--status', '500');
    expect(filtered.error).toBe('No dead delivery matches the filter; 3 are dead in all.\n');
    await orderSync(folder, 'redrive', '--all', '--wait');
    expect((await orderSync(folder, 'dead-letters')).error).toBe('No delivery is dead.\n');
    const claimed = await claimDue(store, {
      target: 'order-mgt',
      claimant: 'two',
      limit: 2,
      leaseMs: LEASE_MS,
    });
    const next = { retryAtMs: clock.now() + 60_000 };
    await store.settleDeliveries(
      claimed.map((delivery) => settlement(delivery, next, { status: 422, error: 'It answered 422.' })),
    );
    expect((await orderSync(folder, 'dead-letters')).error).toBe(
      'No delivery is dead. 2 states failed or were refused and are tried again (the last failure at order-mgt: ' +
        '"It answered 422."): see order-sync orders --in-flight.\n',
    );
    expect((await orderSync(folder, 'dead-letters', '--status', '500')).error).toContain(
      'and none is dead. 2 states',
    );
  });

  it.each([
    ['--status', 'dead'],
    ['--due-since', 'today'],
    ['--limit', '0'],
    ['--order', ''],
  ])('refuses the command %s with the options %j', async (flag, value) => {
    const { folder } = await ledgerOf(IDS);
    const { code, error } = await orderSync(folder, 'dead-letters', flag, value);
    expect(code).toBe(2);
    expect(error).toContain(flag);
  });
});

describe('order-sync redrive', () => {
  it('creates a job that nobody works on yet, and the command jobs shows it', async () => {
    const { folder, store } = await ledgerOf(IDS);
    const { code, out } = await orderSync(folder, 'redrive', '--status', '422', '--by', 'ops', '--json');
    const job = JSON.parse(out);
    expect(code).toBe(0);
    expect(job).toMatchObject({ state: 'waiting', filter: { lastStatus: 422 }, requestedBy: 'ops' });
    expect(await store.counts()).toMatchObject({ deliveriesDead: 3 });
    expect(JSON.parse((await orderSync(folder, 'jobs', '--json')).out)).toEqual([job]);
    expect((await orderSync(folder, 'jobs', job.id)).out).toMatch(
      / {2}redrive {2}waiting {2}not begun {2}by "ops"/,
    );
    expect((await orderSync(folder, 'jobs', 'none')).code).toBe(2);
  });

  it('works on the job with --wait, and only counts in a dry run', async () => {
    const { folder, store } = await ledgerOf(IDS);
    const dry = await orderSync(folder, 'redrive', '--all', '--dry-run', '--wait', '--json');
    expect(JSON.parse(dry.out)).toMatchObject({ state: 'done', matched: 3, redriven: 0 });
    expect(await store.counts()).toMatchObject({ deliveriesDead: 3 });
    const wet = await orderSync(folder, 'redrive', '--error', 'It answered 400', '--wait', '--json');
    expect(JSON.parse(wet.out)).toMatchObject({ state: 'done', matched: 2, redriven: 2 });
    expect(await store.counts()).toMatchObject({ deliveriesDead: 1, deliveriesPending: 2 });
  });

  it.each([[[]], [['--all', '--status', '422']]])(
    'refuses the options %j, which name no deliveries or too many',
    async (flags) => {
      const { folder, store } = await ledgerOf(IDS);
      expect((await orderSync(folder, 'redrive', ...flags)).code).toBe(2);
      expect(await store.listJobs({ after: null, limit: 1 })).toEqual([]);
    },
  );
});
