import { describe, expect, it } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { partitionsCommand } from '../../../../src/apps/order-sync/commands/partitions.ts';
import {
  holdsCommand,
  pauseCommand,
  unpauseCommand,
} from '../../../../src/apps/order-sync/commands/pause.ts';
import { reconcileCommand } from '../../../../src/apps/order-sync/commands/reconcile.ts';
import { resumeCommand } from '../../../../src/apps/order-sync/commands/resume.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { ledgerOf } from '../ledger.ts';

const COMMANDS = [
  pauseCommand,
  unpauseCommand,
  holdsCommand,
  partitionsCommand,
  resumeCommand,
  reconcileCommand,
].map((command) => command(systemClock));
const WHY = ['--reason', 'a test', '--by', 'ops'];

/** A store and an embedded log with both topics. */
async function place() {
  const { folder, store } = await ledgerOf(['a']);
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  await log.createTopics([
    { topic: 'order_events', partitions: 3 },
    { topic: 'payment_events', partitions: 3 },
  ]);
  const topicId = (await log.describe(['order_events']))[0]?.topicId ?? '';
  await log.close();
  return {
    store,
    topicId,
    async orderSync(...argv: string[]) {
      const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder });
      const code = await runCli(
        { program: 'order-sync', summary: 'Syncs.', examples: [['order-sync', 'Sync']], commands: COMMANDS },
        host,
      );
      return { code, out: host.stdout.text, error: host.stderr.text };
    },
  };
}

async function haltAll(store: Store, topicId: string, reason: string) {
  for (const partition of [0, 1, 2]) {
    const at = { topic: 'order_events', partition };
    const [checkpoint] = await store.acquire([{ ...at, topicId, startOffset: 0n }]);
    await store.halt(at, checkpoint?.epoch ?? 0n, reason);
  }
}

describe('order-sync pause and unpause', () => {
  it('the commands pause and unpause each kind of part', async () => {
    const { orderSync, store } = await place();
    for (const [flags, part, name] of [
      [[], { kind: 'ingest' }, 'all ingest'],
      [['--topic', 'order_events'], { kind: 'topic', topic: 'order_events' }, 'topic order_events'],
      [
        ['--topic', 'order_events', '--partition', '2'],
        { kind: 'partition', topic: 'order_events', partition: 2 },
        'partition order_events/2',
      ],
      [['--target', 'order-mgt'], { kind: 'target', target: 'order-mgt' }, 'target order-mgt'],
    ] as const) {
      const paused = await orderSync('pause', ...flags, ...WHY);
      expect(paused).toMatchObject({ code: 0, out: expect.stringContaining(`Paused: ${name}.`) });
      expect(await store.listHolds()).toMatchObject([{ part, heldBy: 'ops', reason: 'a test' }]);
      expect((await orderSync('holds')).out).toMatch(
        new RegExp(`^Paused: ${name}, since 20.* by ops: a test\n$`),
      );
      const again = await orderSync('pause', ...flags, ...WHY);
      expect(again).toMatchObject({ code: 2, error: expect.stringContaining(`${name} is paused already`) });
      const ended = await orderSync('unpause', ...flags, ...WHY);
      expect(ended).toMatchObject({ code: 0, out: expect.stringContaining(`No longer paused: ${name}.`) });
      expect(await store.listHolds()).toEqual([]);
    }
    expect(await orderSync('unpause', ...WHY)).toMatchObject({
      code: 2,
      error: expect.stringContaining('all ingest itself is not paused: nothing is'),
    });
  });

  it('the command pause refuses parts that do not exist, and names those that do', async () => {
    const { orderSync, store } = await place();
    for (const [flags, fault] of [
      [
        ['--topic', 'orders'],
        /does not read the topic "orders": the topics are order_events, payment_events/,
      ],
      [['--topic', 'order_events', '--partition', '3'], /has no partition 3: its partitions are 0 to 2/],
      [['--target', 'crm'], /no target "crm": the only target is order-mgt/],
      [['--partition', '3'], /Give the topic of the partition by --topic/],
      [['--topic', 'order_events', '--partition', 'three'], /--partition is "three"/],
      [['--topic', 'order_events', '--target', 'order-mgt'], /not both/],
    ] as const)
      expect(await orderSync('pause', ...flags, ...WHY), flags.join(' ')).toMatchObject({
        code: 2,
        error: expect.stringMatching(fault),
      });
    expect(await store.listHolds()).toEqual([]);
  });

  it('the commands want a reason', async () => {
    const { orderSync } = await place();
    for (const command of ['pause', 'unpause'])
      expect(await orderSync(command)).toMatchObject({ code: 2, error: expect.stringContaining('--reason') });
  });

  it('the commands say what else keeps a part at rest, and end all pauses at once', async () => {
    const { orderSync, store } = await place();
    await orderSync('pause', ...WHY);
    await orderSync('pause', '--topic', 'order_events', ...WHY);
    const ended = await orderSync('unpause', '--topic', 'order_events', ...WHY);
    expect(ended.out).toMatch(/It still rests\. Paused: all ingest/);
    expect(await orderSync('unpause', '--topic', 'order_events', '--partition', '0', ...WHY)).toMatchObject({
      code: 2,
      error: expect.stringMatching(/order_events\/0 itself is not paused: it rests because all ingest is/),
    });
    await orderSync('pause', '--target', 'order-mgt', ...WHY);
    const rows = JSON.parse((await orderSync('partitions', '--json')).out);
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatchObject({ topic: 'order_events', hold: { name: 'all ingest', heldBy: 'ops' } });
    expect((await orderSync('partitions')).out).toContain('Paused: all ingest, since');
    expect((await orderSync('unpause', '--all', ...WHY)).out.trim().split('\n')).toHaveLength(2);
    expect(await store.listHolds()).toEqual([]);
  });

  it('a pause keeps the command reconcile from sending to a paused target', async () => {
    const { orderSync } = await place();
    await orderSync('pause', '--target', 'order-mgt', ...WHY);
    expect(await orderSync('reconcile')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/Nothing may be sent to order-mgt\. Paused: .*--dry-run/),
    });
  });
});

describe('order-sync resume --all', () => {
  it('the command shows where each halted partition would go on, and then lets all of them go on', async () => {
    const { orderSync, store, topicId } = await place();
    await haltAll(store, 'an older id', 'topic_recreated at offset 0: another topic.');
    const dry = await orderSync('resume', '--all', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.out.trim().split('\n')).toEqual(
      [0, 1, 2].map((partition) =>
        expect.stringMatching(
          `^order_events/${partition}  topic_recreated  would go on at 0: the start of the other`,
        ),
      ),
    );
    expect((await store.checkpoints()).filter(({ haltReason }) => haltReason === null)).toEqual([]);

    expect(await orderSync('resume', '--all')).toMatchObject({
      code: 2,
      error: expect.stringContaining('--reason'),
    });
    const done = await orderSync('resume', '--all', ...WHY, '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.out)).toMatchObject([{ resumed: true }, { resumed: true }, { resumed: true }]);
    expect(await store.checkpoints()).toMatchObject(
      [0, 1, 2].map((partition) => ({ partition, haltReason: null, topicId, nextOffset: 0n })),
    );
    const audit = await store.listAudit({ after: null, limit: 10 });
    expect(audit).toMatchObject(
      [2, 1, 0].map((partition) => ({
        action: 'partition_resumed',
        subject: `order_events/${partition}`,
        reason: 'a test',
      })),
    );
    expect(await orderSync('resume', '--all', ...WHY)).toMatchObject({
      code: 0,
      error: expect.stringContaining('No partition is halted.'),
    });
  });

  it('the command ends with 5 if a partition needs a decision of its own, and names it', async () => {
    const { orderSync, store, topicId } = await place();
    await haltAll(store, topicId, 'corrupt_batch at offset 0: bad bytes.');
    expect(await orderSync('resume', '--all', ...WHY)).toMatchObject({
      code: 5,
      out: expect.stringMatching(/order_events\/0 {2}corrupt_batch {2}stays halted: .*decide it alone/),
    });
    const [first] = await store.checkpoints();
    expect(first?.haltReason).toContain('corrupt_batch');
    expect(await orderSync('resume', '--all', '--kind', 'topic_recreated', ...WHY)).toMatchObject({
      code: 0,
    });
  });

  it('the command ends with 5 if only some of the partitions go on', async () => {
    const { orderSync, store, topicId } = await place();
    await haltAll(store, topicId, 'corrupt_batch at offset 0: bad bytes.');
    const at = { topic: 'payment_events', partition: 0 };
    const [checkpoint] = await store.acquire([{ ...at, topicId: 'an older id', startOffset: 0n }]);
    await store.halt(at, checkpoint?.epoch ?? 0n, 'topic_recreated at offset 0: another topic.');
    const { code, out } = await orderSync('resume', '--all', ...WHY, '--json');
    expect(code).toBe(5);
    expect(JSON.parse(out).filter(({ resumed }: { resumed: boolean }) => resumed)).toMatchObject([at]);
  });

  it('the command refuses options that contradict each other', async () => {
    const { orderSync } = await place();
    for (const [words, fault] of [
      [['order_events/0', '--all'], /not both/],
      [['--all', '--at', '7'], /An offset belongs to one partition/],
      [['--all', '--skip'], /--skip belongs to one partition/],
      [['order_events/0', '--dry-run'], /belong to --all/],
      [[], /resume needs <partition>/],
    ] as const)
      expect(await orderSync('resume', ...words, ...WHY), words.join(' ')).toMatchObject({
        code: 2,
        error: expect.stringMatching(fault),
      });
  });

  it('the command lets only partitions of the kind go on that is asked for', async () => {
    const { orderSync, store } = await place();
    await haltAll(store, 'an older id', 'topic_recreated at offset 0: another topic.');
    const decided = await orderSync('resume', '--all', '--kind', 'corrupt_batch', ...WHY);
    expect(decided).toMatchObject({ code: 0, out: '' });
    expect(decided.error).toContain('No partition is halted by corrupt_batch');
    expect((await store.checkpoints()).filter(({ haltReason }) => haltReason === null)).toEqual([]);
  });

  it('the command says of a partition that was not halted whether it goes on or back', async () => {
    const { orderSync, store, topicId } = await place();
    const at = { topic: 'order_events', partition: 0 };
    await store.acquire([{ ...at, topicId, startOffset: 5n }]);
    const skip = async (offset: string) =>
      (await orderSync('resume', 'order_events/0', '--at', offset, '--skip', ...WHY)).out;
    expect(await skip('0')).toMatch(
      /was not halted: it stood at offset 5, and goes on at offset 0\. .* reads again from there within seconds\./,
    );
  });

  it('the command says that a partition which goes on is paused all the same', async () => {
    const { orderSync, store, topicId } = await place();
    await haltAll(store, topicId, 'corrupt_batch at offset 0: bad bytes.');
    await orderSync('pause', '--topic', 'order_events', ...WHY);
    expect((await orderSync('resume', 'order_events/1', '--at', 'earliest', ...WHY)).out).toMatch(
      /goes on at offset 0; .* It is not read before that pause ends\. Paused: topic order_events/,
    );
  });
});
