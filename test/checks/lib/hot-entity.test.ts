import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { measureHotEntity } from './hot-entity.ts';

it('measureHotEntity times one more event of an order at each size', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-hot-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const lines: string[] = [];
  const figures = await measureHotEntity({
    databaseUrl: `sqlite:${join(folder, 'store.sqlite')}`,
    sizes: [100, 2_000],
    singleEvents: 5,
    lateEvents: 3,
    progress: (line) => lines.push(line),
  });
  expect(figures.map(({ events }) => events)).toEqual([100, 2_000]);
  for (const figure of figures) {
    for (const value of Object.values(figure)) expect(value).toBeGreaterThan(0);
  }
  expect(lines).toHaveLength(2);
}, 180_000);
