import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../src/ports/event-log.ts';
import { BARE_ENVIRONMENT } from '../../helpers/bare-environment.ts';

const main = fileURLToPath(new URL('../../../src/apps/event-producer/main.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-producer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  words: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    cwd: folder,
    // The environment of the test is left out, since it may name a Kafka.
    env: { ...BARE_ENVIRONMENT, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

async function run(words: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ended> {
  const { child, ended } = start(words, env);
  child.stdin?.end(input);
  return ended;
}

/** Every record of a topic in the embedded log, partition by partition. */
async function readTopic(topic: string): Promise<(LogRecord & { partition: number })[]> {
  const log = await openEmbeddedLog({ dataDir: join(folder, '.tributary'), clock: systemClock });
  const consumer = log.consumer({ group: 'test', topics: [topic], maxBufferedBytes: 1 << 24 });
  const records: (LogRecord & { partition: number })[] = [];
  try {
    const assigned = Promise.withResolvers<void>();
    await consumer.start({
      assigned: async () => assigned.resolve(),
      revoked: async () => {},
      lost: async () => {},
      halted: async (fault) => assigned.reject(new Error(fault.detail)),
    });
    await assigned.promise;
    const [description] = await log.describe([topic]);
    const partitions = description?.partitions ?? [];
    consumer.follow(
      partitions.map(({ partition, startOffset }) => ({
        topic,
        partition,
        offset: startOffset,
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
      })),
    );
    const total = partitions.reduce((sum, range) => sum + Number(range.endOffset - range.startOffset), 0);
    while (records.length < total) {
      const limits = { maxRecords: 10_000, maxBytes: 1 << 24 };
      for (const fetched of await consumer.take(partitions, limits, AbortSignal.timeout(20_000))) {
        records.push(...fetched.records.map((record) => ({ ...record, partition: fetched.partition })));
      }
    }
  } finally {
    await consumer.close();
    await log.close();
  }
  return records;
}

const bodyOf = (record: LogRecord) => JSON.parse(Buffer.from(record.value ?? '').toString());
const headerOf = (record: LogRecord, name: string) =>
  Buffer.from(record.headers.find((header) => header[0] === name)?.[1] ?? '').toString();

describe('event-producer with codes', () => {
  it('publishes each pair and prints its place in the log', async () => {
    const { code, stdout, stderr } = await run(['o', 'order123', 'pa', 'order123', 'par', 'order5']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^\d events published to the embedded log in \/.*\.tributary\nnote: no order-sync has ever read/,
    );
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^order_events {2}partition \d {2}offset 0 {2}event [0-9a-f-]{36}$/),
      expect.stringMatching(/^payment_events {2}partition \d {2}offset 0 {2}event [0-9a-f-]{36}$/),
      expect.stringMatching(/^payment_events {2}partition \d {2}offset \d {2}event [0-9a-f-]{36}$/),
    ]);
    const payments = await readTopic('payment_events');
    expect(
      payments
        .map(bodyOf)
        .map((body) => body.paymentStatus)
        .sort(),
    ).toEqual(['PAYMENT_AUTHORIZED', 'PAYMENT_AUTH_WITHPENDING_REVIEW'].sort());
  });

  it('prints the same as JSON, with the ids of the records', async () => {
    const { stdout } = await run(['o', 'a', 'pa', 'a', '--json']);
    const told = JSON.parse(stdout);
    expect(told.map(({ topic, offset }: { topic: string; offset: number }) => [topic, offset])).toEqual([
      ['order_events', 0],
      ['payment_events', 0],
    ]);
    const [created] = await readTopic('order_events');
    const [paid] = await readTopic('payment_events');
    if (created === undefined || paid === undefined) throw new Error('The events are not in the log.');
    expect(headerOf(created, 'ce_id')).toBe(told[0].eventId);
    expect(created.partition).toBe(told[0].partition);
    expect(Date.parse(bodyOf(paid).timestamp)).toBeGreaterThan(Date.parse(bodyOf(created).timestamp));
  });

  it('takes revision, event id and timestamp from options', async () => {
    await run(['o', 'a', '--revision', '4', '--event-id', 'e1', '--timestamp', '2025-04-05T04:26:30+02:00']);
    const [record] = await readTopic('order_events');
    if (record === undefined) throw new Error('The event is not in the log.');
    expect(bodyOf(record)).toEqual({
      eventType: 'ORDER',
      orderId: 'a',
      orderStatus: 'CREATED',
      timestamp: '2025-04-05T02:26:30.000Z',
      revision: 4,
      eventId: 'e1',
    });
    expect(headerOf(record, 'ce_id')).toBe('e1');
  });

  it.each([
    [['oo', 'a'], 2, 'did you mean o?'],
    [['lod', '--seed', '1'], 2, '--seed'],
    [['o', 'a', '--revision', '0'], 2, 'give a whole number from 1'],
    [['o', 'a', '--timestamp', '2024-02-30T00:00:00Z'], 2, 'give a date and time with zone'],
    [['o', 'a', 'pa', 'a', '--event-id', 'e1'], 2, 'give one pair'],
    [['load', '--duplicate-rate', '2'], 2, '--duplicate-rate is "2"'],
    [['send', 'absent.ndjson'], 2, 'absent.ndjson cannot be read'],
  ])('ends %j with the exit code %i and publishes nothing', async (words, exitCode, message) => {
    const { code, stdout, stderr } = await run(words);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toContain(message);
    expect(existsSync(join(folder, '.tributary'))).toBe(false);
  });

  it('ends with 3 for a misspelt setting and with 4 for an unreachable Kafka', async () => {
    const misspelt = await run(['o', 'a'], '', { EVENT_PRODUCER_SORCE: 'x' });
    expect([misspelt.code, misspelt.stderr]).toEqual([3, expect.stringContaining('EVENT_PRODUCER_SOURCE')]);
    const absent = await run(['o', 'a', '--kafka-brokers', '127.0.0.1:1']);
    expect([absent.code, absent.stderr]).toEqual([4, expect.stringContaining('127.0.0.1:1')]);
  });
});

describe('event-producer send', () => {
  const line = (orderId: string) =>
    `{"eventType":"ORDER","orderId":"${orderId}","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z"}`;

  it('publishes the lines of stdin in sequence, names the bad ones and ends with 5', async () => {
    const lines = [
      ...Array.from({ length: 3_000 }, (_, index) => line(`order-${index % 7}`)),
      'broken',
      line('last'),
    ];
    const { code, stdout, stderr } = await run(['send', '-', '-o', 'jsonl'], lines.join('\n'));
    expect(code).toBe(5);
    expect(stdout.trimEnd().split('\n')).toHaveLength(3_001);
    expect(stderr).toContain('"line":3001');
    expect(stderr).toContain('3001 events published');
    const values = (await readTopic('order_events')).map((record) =>
      Buffer.from(record.value ?? '').toString(),
    );
    expect(values.sort()).toEqual([...lines.filter((text) => text !== 'broken')].sort());
  });

  it('publishes bad lines too with --raw', async () => {
    const { code } = await run(['send', '-', '--raw'], `${line('a')}\nbroken\n`);
    expect(code).toBe(0);
    expect(await readTopic('order_events')).toHaveLength(2);
  });

  it('publishes a line as soon as it comes, while stdin stays open', async () => {
    const { child, ended } = start(['send', '-']);
    child.stdin?.write(`${line('a')}\n`);
    const [first] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    expect(String(first)).toContain('order_events');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(143);
  });

  it('reads the lines of a file', async () => {
    writeFileSync(join(folder, 'events.ndjson'), `${line('a')}\r\n${line('b')}\r\n`);
    const { code, stderr } = await run(['send', 'events.ndjson']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^2 events published to the embedded log in \/.*\.tributary, 0 refused\nnote: no order-sync has ever read/,
    );
  });
});

describe('event-producer load', () => {
  it('publishes the same log for the same seed', async () => {
    const words = [
      'load',
      '--count',
      '2000',
      '--seed',
      '7',
      '--duplicate-rate',
      '0.1',
      '--malformed-rate',
      '0.01',
    ];
    const first = await run([...words, '--json']);
    expect(JSON.parse(first.stdout)).toMatchObject({
      records: 2_000,
      duplicates: 200,
      malformed: 20,
      seed: '7',
    });
    const before = await readTopic('payment_events');
    rmSync(join(folder, '.tributary'), { recursive: true });
    await run(words);
    const after = await readTopic('payment_events');
    // A record without a key goes to any partition. The others stay in sequence in their partitions.
    const fingerprint = (records: typeof before) => {
      const hash = createHash('sha256');
      const keyed = records.filter(({ key }) => key !== null);
      for (const { partition, key, value } of keyed.toSorted((a, b) => a.partition - b.partition)) {
        hash
          .update(`${partition} `)
          .update(key ?? '')
          .update(value ?? 'null')
          .update('\n');
      }
      return [keyed.length, hash.digest('hex')];
    };
    expect(fingerprint(after)).toEqual(fingerprint(before));
  });

  it('stops at SIGINT with 130 and prints how much it has published', async () => {
    const { child, ended } = start(['load', '--count', '1000000', '--rate', '500', '--json'], {});
    while (!existsSync(join(folder, '.tributary', 'event-log.sqlite'))) await systemClock.sleep(10);
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout).records).toBeLessThan(1_000_000);
  });

  it('ends quietly when the reader of its output has closed the pipe', async () => {
    const { child, ended } = start(['send', '-', '-q']);
    child.stdout?.destroy();
    const line =
      '{"eventType":"ORDER","orderId":"a","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:30.265Z"}\n';
    child.stdin?.on('error', () => {});
    child.stdin?.end(line.repeat(20_000));
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('event-producer completion', () => {
  it('prints a script that bash runs and that completes words', async () => {
    const { stdout } = await run(['completion', 'bash']);
    const script = `${stdout}\nCOMP_WORDS=(event-producer load --see); COMP_CWORD=2; _event_producer_completion; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe('--seed\n');
  });
});
