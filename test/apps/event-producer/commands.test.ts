import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { publishCommand } from '../../../src/apps/event-producer/commands/publish.ts';
import { sendCommand } from '../../../src/apps/event-producer/commands/send.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

/** A data directory of its own, and event-producer inside the process of the test. */
function place() {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-producer-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    async run(...words: string[]) {
      const host = fakeHost(words, { LOG_LEVEL: 'error', TRIBUTARY_DATA_DIR: folder });
      const commands = [publishCommand(systemClock, ['send']), sendCommand(systemClock)];
      const code = await runCli(
        { program: 'event-producer', summary: 'Publishes.', examples: [], commands },
        host,
      );
      return { code, out: host.stdout.text, error: host.stderr.text };
    },
    async bodies(topic: string): Promise<{ orderId: string; revision: number }[]> {
      const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
      try {
        const [description] = await log.describe([topic]);
        const found: { orderId: string; revision: number }[] = [];
        for (const { partition } of description?.partitions ?? []) {
          const range = { topic, partition, offset: 0n, maxRecords: 100, maxBytes: 1_000_000 };
          const read = await log.readRecords(range);
          if (read.kind !== 'read') throw new Error(`${topic} cannot be read.`);
          found.push(...read.records.map(({ value }) => JSON.parse(Buffer.from(value ?? '').toString())));
        }
        return found;
      } finally {
        await log.close();
      }
    },
  };
}

describe('event-producer publish', () => {
  it('counts the revisions of each order on from the one that is given', async () => {
    const { run, bodies } = place();
    expect((await run('o', 'a', 'o', 'a', 'o', 'b', '--revision', '4')).code).toBe(0);
    const revisions = (await bodies('order_events')).map(({ orderId, revision }) => `${orderId} ${revision}`);
    expect(revisions.sort()).toEqual(['a 4', 'a 5', 'b 4']);
  });
});

describe('event-producer send', () => {
  const bad = ['{}', ...Array.from({ length: 12 }, () => 'broken')];

  async function send(lines: readonly string[], ...words: string[]) {
    const { folder, run } = place();
    const file = join(folder, 'events.ndjson');
    writeFileSync(file, lines.join('\n'));
    return run('send', file, ...words);
  }

  it('names the first ten bad lines, and sums all of them up by reason', async () => {
    const { code, error } = await send(bad);
    expect(code).toBe(5);
    expect(error.match(/^error: line \d+/gm)).toHaveLength(10);
    expect(error).toMatch(
      /error: 13 lines are bad, and the first 10 are named above\. By reason: 12 x .* 1 x /,
    );
    expect(error).toContain('0 events published');
    expect(error).toContain('13 refused');
  });

  it('names every bad line with --all-errors, and counts all of them', async () => {
    const { code, error } = await send(bad, '--all-errors');
    expect(code).toBe(5);
    expect(error.match(/^error: line \d+/gm)).toHaveLength(13);
    expect(error).not.toContain('By reason');
    expect(error).toContain('13 refused');
  });
});
