import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { OutgoingEvent } from '../../../src/apps/event-producer/publish.ts';
import { SelfClockingPipe } from '../../../src/apps/event-producer/self-clocking-pipe.ts';

const event = (id: string) => ({ eventId: id }) as unknown as OutgoingEvent;

/** A pipe whose pieces are sent when the test says so. */
function pipeOf(maxEvents: number) {
  const pieces: string[][] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const pipe = new SelfClockingPipe(async (events) => {
    pieces.push(events.map(({ eventId }) => String(eventId)));
    const end = Promise.withResolvers<void>();
    ends.push(end);
    await end.promise;
  }, maxEvents);
  return {
    pipe,
    pieces,
    async end(error?: Error) {
      const end = ends.shift();
      if (error === undefined) end?.resolve();
      else end?.reject(error);
      await setImmediate();
    },
  };
}

describe('a pipe that clocks itself', () => {
  it('sends a lone event at once, and those that come meanwhile as one piece', async () => {
    const { pipe, pieces, end } = pipeOf(10);
    for (const id of ['a', 'b', 'c']) await pipe.push(event(id));
    expect(pieces).toEqual([['a']]);
    await end();
    expect([pieces, pipe.sent]).toEqual([[['a'], ['b', 'c']], 1]);
    const drained = pipe.drain();
    await end();
    await drained;
    expect(pipe.sent).toBe(3);
  });

  it('takes no more while the next piece is full', async () => {
    const { pipe, pieces, end } = pipeOf(2);
    await pipe.push(event('a'));
    await pipe.push(event('b'));
    let isTaken = false;
    const third = pipe.push(event('c')).then(() => {
      isTaken = true;
    });
    await setImmediate();
    expect(isTaken).toBe(false);
    await end();
    await third;
    expect(pieces).toEqual([['a'], ['b', 'c']]);
  });

  it('sends nothing behind a piece that failed, and refuses the next event', async () => {
    const { pipe, pieces, end } = pipeOf(10);
    await pipe.push(event('a'));
    await pipe.push(event('b'));
    await end(new Error('The log is gone.'));
    await expect(pipe.push(event('c'))).rejects.toThrow('The log is gone.');
    await expect(pipe.drain()).rejects.toThrow('The log is gone.');
    expect([pieces, pipe.sent]).toEqual([[['a']], 0]);
  });

  it('drains the piece that is on its way and the one behind it', async () => {
    const { pipe, pieces, end } = pipeOf(10);
    for (const id of ['a', 'b']) await pipe.push(event(id));
    let isDrained = false;
    const drained = pipe.drain().then(() => {
      isDrained = true;
    });
    await end();
    expect([pieces, isDrained]).toEqual([[['a'], ['b']], false]);
    await end();
    await drained;
    expect(pipe.sent).toBe(2);
  });

  it('tells of a failure at the end if it is that of the last piece', async () => {
    const { pipe, end } = pipeOf(10);
    await pipe.push(event('a'));
    const drained = pipe.drain();
    await Promise.all([
      end(new Error('The log is gone.')),
      expect(drained).rejects.toThrow('The log is gone.'),
    ]);
  });
});
