import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqliteStore } from '../../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { quarantineCommand } from '../../../../src/apps/order-sync/commands/quarantine.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { orders } from '../../../../src/orders/index.ts';
import type { QuarantinedRecord } from '../../../../src/ports/quarantine.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { orderSyncIn } from './command-run.ts';

/** A data directory whose store has this number of records in quarantine, each with a broken body of 19 bytes. */
async function quarantineOf(count: number, key: Buffer | null = Buffer.from('order-1')): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-quarantine-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'order-sync.sqlite');
  const opened = openSqliteStore({ file, clock: systemClock, targets: ['order-mgt'] });
  const { table, keyColumn, columns } = orders.view;
  const { store } = await opened.migrate({
    view: { table, keyColumn, columns },
    targets: ['order-mgt'],
    adopt: null,
    nowMs: 0,
  });
  const quarantined: QuarantinedRecord[] = Array.from({ length: count }, (_, index) => ({
    topic: 'order_events',
    partition: 0,
    offset: BigInt(index),
    reason: index % 2 === 0 ? 'json_invalid' : 'key_missing',
    detail: 'Not so.\u202e',
    key,
    value: Buffer.from('{"card":"4111"'),
    valueLength: 14,
    valueHash: 'ab'.repeat(32),
    headers: Buffer.from('[["a","Yg=="]]'),
    observedAtMs: Date.UTC(2026, 0, 1),
  }));
  await store.commit({ moves: [], quarantined, entityIds: [], mode: 'locking', plan: async () => [] });
  await store.close();
  return folder;
}

async function quarantine(folder: string, ...argv: string[]) {
  const host = fakeHost(['quarantine', ...argv], { TRIBUTARY_DATA_DIR: folder });
  const commands = [quarantineCommand(systemClock)];
  const examples = [['order-sync quarantine', 'Look']] as const;
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

describe('order-sync quarantine', () => {
  it('shows the place, the reason, the time and the key of each record, and nothing else that it holds', async () => {
    const { code, out, error } = await quarantine(await quarantineOf(2));
    expect(out.split('\n')).toEqual([
      'order_events/0 offset 0  json_invalid  2026-01-01T00:00:00.000Z  "Not so.\\u202e"  key "order-1"',
      'order_events/0 offset 1  key_missing  2026-01-01T00:00:00.000Z  "Not so.\\u202e"  key "order-1"',
      '',
    ]);
    expect([code, error]).toEqual([0, '']);
  });

  it.each([
    [null, 'key none', null],
    [Buffer.from([0xff, 0x00]), 'key of 2 bytes', null],
    [Buffer.alloc(256, 97), 'key of 256 bytes', null],
    [Buffer.from('é\n'), 'key "\\u00e9\\n"', 'é\n'],
  ])('shows a key as a text only if it is UTF-8 and as short as an id (%s)', async (key, text, json) => {
    const folder = await quarantineOf(1, key);
    expect((await quarantine(folder)).out).toMatch(new RegExp(`${text.replaceAll('\\', '\\\\')}\\n$`));
    expect(JSON.parse((await quarantine(folder, '--json')).out)).toMatchObject([{ keyText: json }]);
  });

  it('shows keys and values with --values', async () => {
    const folder = await quarantineOf(1);
    expect((await quarantine(folder, '--values')).out).toContain(
      'key "order-1"  value (14 bytes) "{\\"card\\":\\"4111\\""',
    );
    const [row] = JSON.parse((await quarantine(folder, '--values', '--json')).out);
    expect(Buffer.from(row.valueBase64, 'base64').toString()).toBe('{"card":"4111"');
    expect(row.headers).toEqual([['a', 'Yg==']]);
  });

  it('ends at its limit, also beyond one page, and says that there are more', async () => {
    const folder = await quarantineOf(60);
    const rows = async (...argv: string[]) => {
      const { out, error } = await quarantine(folder, '--json', ...argv);
      return [JSON.parse(out).length, error.includes('There are more')];
    };
    expect(await rows()).toEqual([50, true]);
    expect(await rows('--limit', '26')).toEqual([26, true]);
    expect(await rows('--limit', '60')).toEqual([60, false]);
    expect(await rows('--limit', '1000')).toEqual([60, false]);
    expect(await rows('--limit', '1000', '--reason', 'key_missing')).toEqual([30, false]);
    expect(await rows('--topic', 'payment_events')).toEqual([0, false]);
  });

  it('lists either the open records or those that were settled', async () => {
    const folder = await quarantineOf(3);
    const why = ['--reason', 'a test', '--by', 'ops'];
    await orderSyncIn(folder, ['quarantine', 'discard', 'order_events/0/1', ...why]);
    const offsets = async (...argv: string[]) =>
      (JSON.parse((await quarantine(folder, '--json', ...argv)).out) as { offset: string }[]).map(
        ({ offset }) => offset,
      );
    expect([await offsets(), await offsets('--settled')]).toEqual([['0', '2'], ['1']]);
    expect((await quarantine(folder, '--settled')).out).toContain('2026-01-01T00:00:00.000Z  discarded  ');
  });

  it.each([
    [null, 'key none'],
    [Buffer.from('x'.repeat(255)), `key "${'x'.repeat(255)}"`],
    [Buffer.from('x'.repeat(256)), 'key of 256 bytes'],
    [Buffer.from([0xff, 0xfe]), 'key of 2 bytes'],
  ])('shows only a short text as the key: %#', async (key, shown) => {
    const { out } = await quarantine(await quarantineOf(1, key));
    expect(out.trimEnd().slice(-shown.length)).toBe(shown);
  });

  it('says on stderr that quarantine is empty, and prints an empty list as JSON', async () => {
    const folder = await quarantineOf(0);
    const text = await quarantine(folder);
    expect([text.code, text.out, text.error]).toEqual([
      0,
      '',
      'Quarantine is empty: every record so far was an event, or was settled.\n',
    ]);
    expect((await quarantine(folder, '--json')).out).toBe('[]\n');
    expect((await quarantine(folder, '--reason', 'key_missing')).error).toBe(
      'No such record is in quarantine.\n',
    );
    expect((await quarantine(folder, '--quiet')).error).toBe('');
  });

  it.each([
    [['--limit', 'many'], 'Give --limit a whole number'],
    [['--reason', 'jsn_invalid'], 'did you mean json_invalid?'],
  ])('refuses the options %j', async (argv, answer) => {
    const { code, error } = await quarantine(await quarantineOf(0), ...argv);
    expect(code).toBe(2);
    expect(error).toContain(answer);
  });
});
