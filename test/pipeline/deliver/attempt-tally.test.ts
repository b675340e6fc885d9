import { expect, it } from 'vitest';
import { AttemptTally } from '../../../src/pipeline/deliver/attempt-tally.ts';

it('attempts are counted by outcome and by the first digit of the status', () => {
  const tally = new AttemptTally();
  tally.add('delivered', 200);
  tally.add('delivered', 204);
  tally.add('retry', 500);
  tally.add('retry', null);
  tally.add('throttle', 429);
  expect(tally.status().counts).toEqual([
    { outcome: 'delivered', codeClass: '2xx', attempts: 2 },
    { outcome: 'retry', codeClass: 'none', attempts: 1 },
    { outcome: 'retry', codeClass: '5xx', attempts: 1 },
    { outcome: 'throttle', codeClass: '4xx', attempts: 1 },
  ]);
});

it('a status that is no status of HTTP adds no class', () => {
  const tally = new AttemptTally();
  for (const status of [0, 7, 600, 999, -200, Number.NaN]) tally.add('retry', status);
  expect(tally.status().counts).toEqual([{ outcome: 'retry', codeClass: 'none', attempts: 6 }]);
});

it('a state that was not sent is no attempt', () => {
  const tally = new AttemptTally();
  tally.add('unsent', null);
  tally.add('disowned', null);
  expect(tally.status().counts).toEqual([]);
});
