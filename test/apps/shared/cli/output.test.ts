import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createOutput, type OutputFormat } from '../../../../src/apps/shared/cli/output.ts';
import { Collector } from './fake-host.ts';

async function written(format: OutputFormat, rows: readonly object[]): Promise<string> {
  const stream = new Collector();
  const output = createOutput(stream, format);
  for (const row of rows) await output.row(row, `row ${Object.values(row).join(' ')}`);
  await output.endRows();
  return stream.text;
}

describe('output', () => {
  const rows = [{ offset: 1n }, { offset: 9_007_199_254_740_993n }];

  it('writes rows as text lines, as JSON lines, or as one JSON array', async () => {
    expect(await written('text', rows)).toBe('row 1\nrow 9007199254740993\n');
    expect(await written('jsonl', rows)).toBe('{"offset":1}\n{"offset":"9007199254740993"}\n');
    expect(JSON.parse(await written('json', rows))).toEqual([{ offset: 1 }, { offset: '9007199254740993' }]);
  });

  it('writes an empty array if there are no rows', async () => {
    expect(JSON.parse(await written('json', []))).toEqual([]);
    expect(await written('jsonl', [])).toBe('');
  });

  it('waits for a slow reader', async () => {
    let release: (() => void) | undefined;
    const slow = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        release = done;
      },
    });
    let isWritten = false;
    const writing = createOutput(slow, 'text')
      .row({}, 'line')
      .then(() => {
        isWritten = true;
      });
    await Promise.resolve();
    expect(isWritten).toBe(false);
    release?.();
    await writing;
    expect(isWritten).toBe(true);
  });

  it('does not wait for a reader that has closed the pipe', async () => {
    const stream = new Writable({ highWaterMark: 1, write: () => {} });
    const writing = createOutput(stream, 'text').row({}, 'line');
    stream.destroy();
    await expect(writing).resolves.toBeUndefined();
  });
});
