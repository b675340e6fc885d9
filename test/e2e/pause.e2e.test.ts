import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openKafkaLog } from '../../src/adapters/kafka/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { services } from '../services/context.ts';
import { freePort } from '../services/index.ts';
import { Program, runProgram, type Settings, testFolder, WAITING } from './programs.ts';
import { publications, recordOf } from './stories.ts';

interface Pipeline {
  readonly ingest: {
    readonly owned: readonly { readonly name: string }[];
    readonly held: readonly { readonly name: string }[];
    readonly journaled: number;
    readonly duplicates: number;
  } | null;
}

interface ShownPartition {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: string | null;
  readonly logEndOffset: string;
}

describe.skipIf(services().lacks('kafka'))('parts on hold, on Kafka', () => {
  it('a paused partition rests through kill -9 while the others flow, and then all of it arrives once', async () => {
    const folder = await testFolder();
    const { brokers } = services().kafka;
    const log = openKafkaLog({ brokers, clock: systemClock, logger: () => undefined });
    onTestFinished(() => log.close());
    const unique = systemClock.uuid();
    const topics = { orders: `pause-orders-${unique}`, payments: `pause-payments-${unique}` };
    await log.createTopics(Object.values(topics).map((topic) => ({ topic, partitions: 2 })));
    const port = await freePort();
    const settings: Settings = {
      TRIBUTARY_DATA_DIR: folder,
      KAFKA_BROKERS: brokers.join(','),
      ORDER_TOPIC: topics.orders,
      PAYMENT_TOPIC: topics.payments,
      ORDER_SYNC_GROUP: unique,
      ORDER_SYNC_PORT: String(port),
      ORDER_SYNC_DELIVER: 'false',
      ORDER_SYNC_SESSION_TIMEOUT_MS: '6000',
      LOG_LEVEL: 'warn',
    };
    const { facts } = publications(40);
    const records = facts.map((fact) => recordOf(fact, topics));
    const producer = log.producer();
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
    const ingest = async () => ((await get('/api/v1/pipeline')) as Pipeline).ingest;
    /** The names of the partitions that are not journaled to their ends. */
    const behind = async () => {
      const { data } = (await get('/api/v1/partitions')) as { data: readonly ShownPartition[] };
      return data
        .filter(({ nextOffset, logEndOffset }) => (nextOffset ?? '0') !== logEndOffset)
        .map(({ topic, partition }) => `${topic}/${partition}`);
    };
    const paused = `${topics.orders}/0`;
    const isPaused = async () => {
      expect(await behind()).toEqual([paused]);
      expect((await ingest())?.held).toMatchObject([{ name: paused }]);
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect(await answer.json()).toMatchObject({
        status: 'ok',
        notes: [expect.stringMatching(`^Paused: partition ${paused}, since .* by ops: a bad producer$`)],
      });
      expect(answer.status).toBe(200);
    };

    const part = ['--topic', topics.orders, '--partition', '0'];
    let sync = await new Program('order-sync', settings).ready(port);
    await vi.waitFor(async () => expect((await ingest())?.owned).toHaveLength(4), WAITING);
    await runProgram('order-sync', settings, ['pause', ...part, '--reason', 'a bad producer', '--by', 'ops']);
    await vi.waitFor(async () => expect((await ingest())?.owned).toHaveLength(3), WAITING);
    const half = Math.floor(records.length / 2);
    await producer.append(records.slice(0, half));
    await vi.waitFor(isPaused, WAITING);
    await sync.kill();
    sync = await new Program('order-sync', settings).ready(port);
    await producer.append(records.slice(half));
    await vi.waitFor(isPaused, WAITING);

    const released = await fetch(`http://127.0.0.1:${port}/api/v1/holds:release`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        part: { kind: 'partition', topic: topics.orders, partition: 0 },
        reason: 'repaired',
      }),
    });
    expect(await released.json()).toMatchObject({ data: [] });
    await vi.waitFor(async () => expect(await behind()).toEqual([]), WAITING);
    expect((await ingest())?.duplicates).toBe(0);
    expect(await sync.stop()).toBe(143);
  }, 300_000);
});
