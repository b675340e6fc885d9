import { expect, it } from 'vitest';
import type { SeriesPoint } from '../../../../src/pipeline/status/series.ts';
import { testServer } from './test-server.ts';

it('the series of an instance answers its steps of 10 s', async () => {
  const point: SeriesPoint = {
    at: '2026-05-01T00:00:10.000Z',
    records: 3,
    journaled: 2,
    duplicates: 0,
    refused: 1,
    due: 1,
    delivered: 1,
    failed: 0,
    lagMessages: 0,
    lagSeconds: null,
    outboxPending: 4,
    journaledMs: { p50: 1.5, p95: 2, p99: 2.25 },
    deliveredMs: null,
  };
  const { ask } = await testServer([], { series: () => [point] });
  expect((await ask('/api/v1/series')).body).toEqual({ stepSeconds: 10, points: [point] });
});
