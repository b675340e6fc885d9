import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Program, runProgram, testFolder, WAITING } from '../e2e/programs.ts';
import { freePort } from '../services/index.ts';

interface Line {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly links: readonly string[];
}

it('with the example, the spans of event-producer and order-sync are one trace', async () => {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const folder = await testFolder();
  const file = join(folder, 'spans.jsonl');
  const settings = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: String(syncPort),
    ORDER_MGT_PORT: String(mgtPort),
    NODE_OPTIONS: '--import ./examples/tracing/otel.mjs',
    TRACES_FILE: file,
  };
  const program = await new Program('start', settings, ['--demo', 'false']).ready(syncPort);
  await runProgram('event-producer', settings, ['o', 'order123', 'pa', 'order123']);

  const spans = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  const named = (name: string) => spans().find((span) => span.name === name);
  await vi.waitFor(() => {
    expect(named('POST')).toBeDefined();
    expect(named('process payment_events')).toBeDefined();
  }, WAITING);
  const sent = named('send payment_events');
  expect(named('POST')).toMatchObject({ traceId: sent?.traceId, parentSpanId: sent?.spanId });
  expect(named('process payment_events')?.links).toEqual([sent?.spanId]);
  expect(named('poll payment_events')).toBeDefined();
  expect(await program.stop()).toBe(143);
});
