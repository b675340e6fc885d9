import { expect } from 'vitest';
import { Chance } from './scheduler.ts';
import type { Fate, StoreWeather } from './store-twin.ts';
import { type WorkloadShape, workload } from './workload.ts';
import { fairWeather, type World } from './world.ts';

export const RECOVERY_MS = 30_000;

/** Many records, few at a time from the log, and a store that takes its time: lanes read far ahead of it. */
export function readAhead(world: World, pieceRecords: number, commitMs: number): void {
  world.network = { latencyMs: () => 0.1 + world.chance.number(), fetchRecords: () => pieceRecords };
  world.weather = { ...fairWeather(world.chance), latencyMs: () => commitMs * (0.5 + world.chance.number()) };
}

export function stream(seed: number, shape: Partial<WorkloadShape> = {}) {
  return workload(new Chance(seed), {
    events: 2_000,
    articles: 100,
    duplicates: 0.05,
    broken: 0.02,
    disorder: 50,
    ...shape,
  });
}

/** Gives the next calls of each method these fates in sequence, and every later call an answer. */
export function failing(world: World, fates: Readonly<Record<string, readonly Fate[]>>): StoreWeather {
  const left = new Map(Object.entries(fates).map(([method, list]) => [method, [...list]]));
  return {
    ...fairWeather(world.chance),
    fate: (method) => left.get(method)?.shift() ?? { kind: 'answers' },
  };
}

/** Where nobody else interferes, an instance has no reason to be fenced or to start over. */
export function expectNoStartingOver(world: World): void {
  const isOdd = (line: string) => /: fenced$|Ingest paused|reading it again|could not start/.test(line);
  expect(world.trace.filter(isOdd)).toEqual([]);
}
