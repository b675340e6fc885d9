import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { services } from '../../../services/context.ts';
import { openTestLog, TopicOperator } from '../harness.ts';

const WAITING = { timeout: 30_000, interval: 50 };

describe.skipIf(services().lacks('kafka'))('a frozen producer on Kafka', () => {
  it('a frozen producer that wakes appends nothing after the records of its successor', async () => {
    const { brokers } = services().kafka;
    const topic = `frozen-${crypto.randomUUID()}`;
    const { log } = openTestLog(brokers);
    const operator = new TopicOperator(brokers);
    await log.createTopics([{ topic, partitions: 1 }]);
    const script = new URL('frozen-producer.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, brokers.join(), topic], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await operator.close();
      await log.close();
    });
    const names: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => names.push(...chunk.toString().split('\n').filter(Boolean)));
    const end = () => operator.lastOffset({ topic, partition: 0 });
    await vi.waitFor(async () => expect(await end()).toBeGreaterThan(100n), WAITING);
    const [name] = names;
    if (name === undefined) throw new Error('The producer has not joined its family.');

    child.kill('SIGSTOP');
    await setTimeout(100);
    const successor = log.producer({
      family: { join: async () => {}, members: async () => [name], leave: async () => {} },
    });
    const [position] = await successor.append(
      [{ topic, key: Buffer.from('k'), value: Buffer.from('taken over'), headers: [] }],
      { shutsOut: true },
    );
    child.kill('SIGCONT');
    await setTimeout(3_000);
    expect(await end()).toBe((position?.offset ?? -1n) + 1n);
    // After that it begins anew, under another name.
    await vi.waitFor(async () => expect(await end()).toBe((position?.offset ?? 0n) + 2n), WAITING);
    expect(names).toHaveLength(2);
    await successor.close();
  });
});
