import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { tailCommand } from '../../../../src/apps/order-sync/commands/tail.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { batchOf } from '../../../contract/store/fixtures.ts';
import { created, OrderStore } from '../../../helpers/order-store.ts';
import { type FakeHost, fakeHost } from '../../shared/cli/fake-host.ts';

const SINCE = ['--since', '2020-01-01T00:00:00Z'];

/** A log with an event, a refused record and an event of another order, behind which the checkpoint stands. */
async function place(): Promise<OrderStore> {
  const orders = await OrderStore.open();
  const log = openEmbeddedLog({ dataDir: orders.folder, clock: systemClock });
  onTestFinished(() => log.close());
  await log.createTopics([{ topic: 'order_events', partitions: 1 }]);
  const producer = log.producer();
  const body = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  await producer.append([
    { topic: 'order_events', key: Buffer.from('a\n'), value: body(created('a\n', '10:00')), headers: [] },
    { topic: 'order_events', key: Buffer.from('b'), value: body('{'), headers: [] },
    { topic: 'order_events', key: Buffer.from('c'), value: body(created('c', '10:00')), headers: [] },
  ]);
  await orders.journal([created('a\n', '10:00')]);
  const [checkpoint] = await orders.store.acquire([
    { topic: 'order_events', partition: 0, topicId: 'id', startOffset: 0n },
  ]);
  if (checkpoint === undefined) throw new Error('No partition was acquired.');
  const { topic, partition, epoch, leaderEpoch } = checkpoint;
  await orders.store.commit(
    batchOf([{ topic, partition, epoch, leaderEpoch, fromOffset: 0n, toOffset: 3n }], []),
  );
  return orders;
}

function run(folder: string, ...argv: string[]): { host: FakeHost; ended: Promise<number> } {
  const host = fakeHost(['tail', ...argv], { TRIBUTARY_DATA_DIR: folder });
  const ended = runCli(
    {
      program: 'order-sync',
      summary: 'Syncs.',
      examples: [['order-sync', 'Sync']],
      commands: [tailCommand(systemClock)],
    },
    host,
  );
  return { host, ended };
}

describe('order-sync tail', () => {
  it('prints one line for each record, and ends after the number that is asked for', async () => {
    const { folder } = await place();
    const { host, ended } = run(folder, ...SINCE, '--limit', '3');
    expect(await ended).toBe(0);
    expect(host.stdout.text.split('\n').map((line) => line.split('  ').slice(1, 5))).toEqual([
      ['order_events/0 offset 0', 'journaled', '"a\\n"', 'ORDER'],
      ['order_events/0 offset 1', 'quarantined', '"b"', 'json_invalid'],
      ['order_events/0 offset 2', 'not_checked', '"c"', 'ORDER'],
      [],
    ]);
  });

  it('prints lines of JSON, of the records that are asked for, and ends with 130 by Ctrl-C', async () => {
    const { folder } = await place();
    const { host, ended } = run(folder, ...SINCE, '--order', 'c', '--json');
    while (host.stdout.text === '') await systemClock.sleep(20);
    host.signals.emit('SIGINT');
    expect(await ended).toBe(130);
    expect(JSON.parse(host.stdout.text)).toMatchObject({
      topic: 'order_events',
      offset: '2',
      outcome: 'not_checked',
      orderId: 'c',
      eventType: 'ORDER',
      occurredAt: '2026-01-01T10:00:00.000Z',
      reason: null,
    });
  });

  it.each<[string[], string[]]>([
    [['--order', 'c', '--limit', '1'], ['2']],
    [
      ['--type', 'ORDER', '--limit', '2'],
      ['0', '2'],
    ],
    [['--type', 'ORDER', '--order', 'c', '--limit', '1'], ['2']],
    [['--topic', 'order_events', '--limit', '1'], ['0']],
  ])('shows by %j the records %j, and counts no other one', async (flags, offsets) => {
    const { folder } = await place();
    const { host, ended } = run(folder, ...SINCE, ...flags, '-o', 'jsonl');
    expect(await ended).toBe(0);
    const lines = host.stdout.text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { offset: string }).offset)).toEqual(offsets);
  });

  it('begins some time ago, and not that time ahead', async () => {
    const { folder } = await place();
    const { host, ended } = run(folder, '--since', '1h', '--limit', '1');
    expect(await ended).toBe(0);
    expect(host.stdout.text).toContain('order_events/0 offset 0');
  });

  it('refuses a topic, a type and a time that it does not know', async () => {
    const { folder } = await place();
    for (const argv of [
      ['--topic', 'other'],
      ['--type', 'REFUND'],
      ['--since', 'soon'],
      ['--limit', '0'],
    ]) {
      const { host, ended } = run(folder, ...argv);
      expect([await ended, host.stderr.text], argv.join(' ')).toEqual([
        2,
        expect.stringMatching(/^error: --/),
      ]);
    }
  });
});
