import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { commandsOf } from '../../../../src/apps/order-sync/commands/index.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { orderRecord, quarantineOf } from '../quarantine-place.ts';

async function orderSync(
  folder: string,
  argv: readonly string[],
  settings: Readonly<Record<string, string>> = {},
) {
  const host = fakeHost([...argv], { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'error', ...settings });
  const examples = [['order-sync', 'Sync']] as const;
  const commands = commandsOf(systemClock);
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

const CORRECTED = { ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' };
const keyless = (orderId: string, offset: number) => orderRecord(orderId, offset, { key: null });
const broken = (offset: number) => orderRecord('x', offset, { value: Buffer.from('{"a":"\u00e4\n\u202e') });

describe('order-sync quarantine show', () => {
  it('shows the record as a text and as a hex dump, its headers, why it was refused, and the verdict of today', async () => {
    const { folder } = await quarantineOf([keyless('order1', 3)]);
    const { code, out } = await orderSync(folder, ['quarantine', 'show', 'order_events/0/3'], CORRECTED);
    expect(code).toBe(0);
    expect(out).toMatch(/^order_events\/0 offset 3\n/);
    expect(out).toContain('key_missing: The key is null.');
    expect(out).toContain('today     passes: it is an event ORDER of "order1"');
    expect(out).toContain('state     open');
    expect(out).toContain('key       none');
    expect(out).toContain('header    "ce_id": "e-3"');
    expect(out).toContain('\n{"eventType":"ORDER","orderId":"order1"');
    expect(out).toContain(
      '\n00000000  7b 22 65 76 65 6e 74 54 79 70 65 22 3a 22 4f 52  |{"eventType":"OR|\n',
    );
    const today = await orderSync(folder, ['quarantine', 'show', 'order_events/0/3']);
    expect(today.out).toContain('today     refused too, key_missing: The key is null.');
  });

  it('escapes what could control a terminal, and gives all bytes as JSON', async () => {
    const { folder, quarantined } = await quarantineOf([broken(1)]);
    const { out } = await orderSync(folder, ['quarantine', 'show', 'order_events/0/1']);
    expect(out).not.toContain('\u202e');
    expect(out).toContain('{"a":"\\u00e4\n\\u202e\n');
    const json = await orderSync(folder, ['quarantine', 'show', 'order_events/0/1', '--json']);
    const [record] = JSON.parse(json.out);
    expect(record).toMatchObject({
      offset: '1',
      isWhole: true,
      today: { passes: false, reason: 'json_invalid' },
    });
    expect(Buffer.from(record.value.base64, 'base64')).toEqual(Buffer.from(quarantined[0]?.value ?? []));
  });

  it.each(['order_events/0', 'order_events/0/9', 'order_events/x/1'])('refuses %s', async (name) => {
    const { folder } = await quarantineOf([broken(1)]);
    expect((await orderSync(folder, ['quarantine', 'show', name])).code).toBe(2);
  });
});

describe('order-sync quarantine show, of unusual records', () => {
  const show = (folder: string) => orderSync(folder, ['quarantine', 'show', 'order_events/0/1']);

  it('shows each of two records at one offset, as of a topic that was made again', async () => {
    const { folder } = await quarantineOf([broken(1), keyless('other', 1)]);
    const { out } = await show(folder);
    expect(out.match(/^order_events\/0 offset 1$/gm)).toHaveLength(2);
    expect(out).toMatch(/refused .* json_invalid: /);
    expect(out).toMatch(/refused .* key_missing: /);
  });

  it('says of an open record that only the first bytes of its value were kept', async () => {
    const { folder, store, quarantined } = await quarantineOf([broken(2)]);
    const [whole] = quarantined;
    if (whole === undefined) throw new Error('There is no record.');
    const cut = { ...whole, offset: 1n, reason: 'record_too_large', valueLength: 5_000_000 };
    await store.commit({
      moves: [],
      quarantined: [cut],
      entityIds: [],
      mode: 'locking',
      plan: async () => [],
    });
    expect((await show(folder)).out).toContain(
      'value     5000000 bytes, of which only the first were kept, SHA-256',
    );
    expect((await orderSync(folder, ['quarantine', 'show', 'order_events/0/2'])).out).not.toContain(
      'only the first',
    );
  });

  it('shows a record that was settled', async () => {
    const { folder } = await quarantineOf([broken(1)]);
    await orderSync(folder, ['quarantine', 'discard', '--all', '--reason', 'a test', '--by', 'ops']);
    expect((await show(folder)).out).toMatch(/^state {5}discarded at .* by "ops": "a test"$/m);
  });
});

describe('the commands of the quarantine', () => {
  it('names the command that a misspelt one was meant to be', async () => {
    const { folder } = await quarantineOf([broken(1)]);
    const { code, error } = await orderSync(folder, ['quarantine', 'shwo', 'order_events/0/1']);
    expect(code).toBe(2);
    expect(error).toContain('did you mean quarantine show?');
  });
});

describe('order-sync quarantine redrive', () => {
  it('counts in a dry run, and journals what passes', async () => {
    const { folder, store } = await quarantineOf([keyless('a', 1), broken(2), keyless('b', 3)]);
    const redrive = async (...argv: string[]) =>
      JSON.parse(
        (await orderSync(folder, ['quarantine', 'redrive', ...argv, '--wait', '--json'], CORRECTED)).out,
      );
    expect(await redrive('--all', '--dry-run')).toMatchObject({
      state: 'done',
      dryRun: true,
      progress: { matched: 3, passed: 2, redriven: 0, refusedAgain: { json_invalid: 1 } },
    });
    expect(await store.counts()).toMatchObject({ quarantined: 3, journaledEvents: 0 });
    const job = await redrive('--refused-for', 'key_missing', '--by', 'ops', '--reason', 'corrected');
    expect(job).toMatchObject({
      kind: 'quarantine_redrive',
      parameters: { filters: [{ reason: 'key_missing' }] },
      progress: { matched: 2, passed: 2, redriven: 2 },
    });
    expect(await store.counts()).toMatchObject({ quarantined: 1, journaledEvents: 2 });
    const settled = await orderSync(folder, ['quarantine', '--settled']);
    expect(settled.out.split('\n')[0]).toMatch(/^order_events\/0 offset 1 {2}key_missing .* redriven /);
    const audit = await orderSync(folder, ['audit', '--json']);
    expect(JSON.parse(audit.out)[0]).toMatchObject({
      action: 'job_created',
      subject: job.id,
      decidedBy: 'ops',
      reason: 'corrected',
    });
  });

  it('redrives a record once that is named twice', async () => {
    const { folder, store } = await quarantineOf([keyless('a', 1), keyless('b', 3)]);
    const names = ['order_events/0/1', 'order_events/0/3', 'order_events/00/01', 'order_events/0/3'];
    const argv = ['quarantine', 'redrive', ...names, '--wait', '--json'];
    expect(JSON.parse((await orderSync(folder, argv, CORRECTED)).out)).toMatchObject({
      state: 'done',
      progress: { matched: 2, passed: 2, redriven: 2, duplicates: 0 },
    });
    expect(await store.counts()).toMatchObject({ quarantined: 0, journaledEvents: 2 });
  });

  it('leaves the work to a running order-sync without --wait, and the job can be cancelled', async () => {
    const { folder } = await quarantineOf([keyless('a', 1)]);
    const { out } = await orderSync(folder, ['quarantine', 'redrive', 'order_events/0/1', '--json']);
    const job = JSON.parse(out);
    expect(job).toMatchObject({
      state: 'waiting',
      parameters: {
        filters: [{ topic: 'order_events', partition: 0, fromOffset: '1', beforeOffset: '2' }],
      },
    });
    expect((await orderSync(folder, ['jobs', 'cancel', job.id])).code).toBe(2);
    const cancelled = await orderSync(folder, ['jobs', 'cancel', job.id, '--reason', 'not yet', '--json']);
    expect(JSON.parse(cancelled.out)).toMatchObject({ state: 'cancelled' });
    expect((await orderSync(folder, ['jobs', job.id])).out).toMatch(
      / {2}quarantine_redrive {2}cancelled {2}/,
    );
    expect((await orderSync(folder, ['jobs', 'cancel', 'none', '--reason', 'x'])).code).toBe(2);
  });

  it.each([
    [[]],
    [['--all', '--topic', 'order_events']],
    [['order_events/0/1', '--all']],
    [['order_events/0']],
    [['--refused-for', 'jsn_invalid']],
    [['--since', 'today']],
    [['--partition', 'x']],
    [['--all', '--limit', '3']],
  ])('refuses the selection %j', async (argv) => {
    const { folder, store } = await quarantineOf([keyless('a', 1)]);
    expect((await orderSync(folder, ['quarantine', 'redrive', ...argv])).code).toBe(2);
    expect(await store.listJobs({ after: null, limit: 1 })).toEqual([]);
  });
});

describe('order-sync quarantine discard', () => {
  it('settles records with a reason, and the audit log has it', async () => {
    const { folder, store } = await quarantineOf([keyless('a', 1), broken(2), broken(3)]);
    const discard = (...argv: string[]) => orderSync(folder, ['quarantine', 'discard', ...argv]);
    expect((await discard('--all')).code).toBe(2);
    const reason = ['--reason', 'a test', '--by', 'ops'];
    expect((await discard('order_events/0/2', ...reason)).out).toBe('discarded 1\n');
    expect((await discard('--from-offset', '3', ...reason)).out).toBe('discarded 1\n');
    const none = await discard('order_events/0/2', ...reason);
    expect([none.code, none.out]).toEqual([0, 'discarded 0\n']);
    expect(none.error).toContain('No open record matches');
    expect(await store.counts()).toMatchObject({ quarantined: 1 });
    const shown = await orderSync(folder, ['quarantine', 'show', 'order_events/0/2']);
    expect(shown.out).toMatch(/state {5}discarded at .* by "ops": "a test"/);
    expect((await orderSync(folder, ['audit'])).out).toMatch(
      /quarantine discarded {2}"quarantine" {2}by "ops" {2}reason "a test" {2}records 1 {2}from offset 3\n/,
    );
  });

  it('adds up the records of all names, and those of each transaction of 1,000', async () => {
    const { folder, store, quarantined } = await quarantineOf([broken(1), broken(2), broken(3)]);
    const discard = async (...argv: string[]) =>
      (await orderSync(folder, ['quarantine', 'discard', ...argv, '--reason', 'a test', '--json'])).out;
    expect(JSON.parse(await discard('order_events/0/1', 'order_events/0/3'))).toMatchObject({ discarded: 2 });
    const [first] = quarantined;
    if (first === undefined) throw new Error('There is no record.');
    const many = Array.from({ length: 1_001 }, (_, index) => ({ ...first, offset: BigInt(10 + index) }));
    await store.commit({
      moves: [],
      quarantined: many,
      entityIds: [],
      mode: 'locking',
      plan: async () => [],
    });
    expect(JSON.parse(await discard('--all'))).toMatchObject({ discarded: 1_002 });
    expect(await store.counts()).toMatchObject({ quarantined: 0 });
  });
});
