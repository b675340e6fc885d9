import { describe, expect, it } from 'vitest';
import { smallest } from '../../src/testing/arrivals.ts';

describe('the smallest history', () => {
  it('leaves out every event without which it shows the same, also one that could not go before another', () => {
    const shows = ['abc', 'ac', 'c'];
    const fails = (events: readonly string[]) => shows.includes(events.join(''));
    expect(smallest(['a', 'b', 'c'], fails)).toEqual(['c']);
  });

  it('keeps the sequence of the events that are needed', () => {
    const fails = (events: readonly string[]) => events.includes('d') && events.includes('b');
    expect(smallest(['a', 'b', 'c', 'd', 'e'], fails)).toEqual(['b', 'd']);
  });
});
