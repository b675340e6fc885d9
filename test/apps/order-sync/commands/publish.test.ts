import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publishCommand } from '../../../../src/apps/order-sync/commands/publish.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { created } from '../../../helpers/order-store.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-publish-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Publishes these lines from stdin, or from a file. */
async function publish(folder: string, lines: readonly string[], from: 'stdin' | 'file' = 'stdin') {
  const file = join(folder, 'events.jsonl');
  await writeFile(file, lines.join('\n'));
  const argv = ['publish', ...(from === 'file' ? [file] : [])];
  const host = fakeHost(argv, { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_PARTITIONS: '1', LOG_LEVEL: 'error' });
  (host.stdin as PassThrough).end(lines.join('\n'));
  const commands = [publishCommand(systemClock)];
  const examples = [['order-sync', 'Sync']] as const;
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples, commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

/** The ids and values of all records of orders in the log. */
async function recordsIn(folder: string): Promise<[key: string, value: string][]> {
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock, logger: () => {} });
  try {
    const found: [string, string][] = [];
    for (let offset = 0n; ; offset++) {
      const read = await log.readRecords({
        topic: 'order_events',
        partition: 0,
        offset,
        maxRecords: 1,
        maxBytes: 1,
      });
      const record = read.kind === 'read' ? read.records[0] : undefined;
      if (record === undefined) return found;
      found.push([Buffer.from(record.key ?? []).toString(), Buffer.from(record.value ?? []).toString()]);
    }
  } finally {
    await log.close();
  }
}

const lineOf = (id: string) => JSON.stringify(created(id, '10:00'));

describe('order-sync publish', () => {
  it.each(['stdin', 'file'] as const)('publishes each line of %s with its id as the key', async (from) => {
    const folder = await emptyFolder();
    const { code, out, error } = await publish(folder, [lineOf('a'), '', ` ${lineOf('b')} `], from);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toBe('order_events/0 at offset 0\norder_events/0 at offset 1\n');
    expect(await recordsIn(folder)).toEqual([
      ['a', lineOf('a')],
      ['b', lineOf('b')],
    ]);
  });

  it('publishes each of more than 500 events once', async () => {
    const folder = await emptyFolder();
    const ids = Array.from({ length: 1_001 }, (_, index) => `order-${index}`);
    const { code } = await publish(folder, ids.map(lineOf));
    expect(code).toBe(0);
    expect((await recordsIn(folder)).map(([key]) => key)).toEqual(ids);
  });

  it.each([
    [
      'no JSON',
      '{"secret" hunter2}',
      /^error: Line 2: It is not valid JSON: its syntax is wrong at character 11 of 18\. Nothing/,
    ],
    ['no object', '[]', /^error: Line 2: eventType is none of ORDER, PAYMENT\. /],
    ['an unknown type', '{"eventType":"REFUND"}', /^error: Line 2: eventType is none of ORDER, PAYMENT\. /],
    ['an event without an id', '{"eventType":"ORDER"}', /^error: Line 2: The key has no bytes\. /],
  ])('publishes nothing if a line is %s, and names the line', async (_, line, message) => {
    const folder = await emptyFolder();
    const { code, out, error } = await publish(folder, [lineOf('a'), line]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toMatch(message);
    expect(error).toContain('Nothing was published.');
  });
});
