import { describe, expect, it } from 'vitest';
import { Appends, newFamily } from './appends.ts';
import { Code } from './codes.ts';
import { inWorld } from './world.ts';

describe('a producer of a family', () => {
  it('nothing is sent under an id before the family knows it', () =>
    inWorld({}, async (world) => {
      const family = newFamily();
      const known = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      const appends = new Appends(
        world,
        world.log.producer({
          family: {
            ...family,
            async join(name) {
              asked.resolve();
              await known.promise;
              await family.join(name);
            },
          },
        }),
      );
      const appending = appends.append([[0, 'a']]);
      await asked.promise;
      await world.clock.sleep(500);
      expect(world.script.requests('Produce')).toEqual([]);
      known.resolve();
      expect(await appending).toMatchObject({ kind: 'resolved' });
      appends.expectKept();
    }));

  it('an id that the family could not take is asked for again', () =>
    inWorld({}, async (world) => {
      const family = newFamily();
      let joins = 0;
      const appends = new Appends(
        world,
        world.log.producer({
          family: {
            ...family,
            async join(name) {
              if (++joins <= 2) throw new Error('The store does not answer.');
              await family.join(name);
            },
          },
        }),
      );
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'resolved' });
      expect(joins).toBe(3);
      appends.expectKept();
    }));

  it('what waits for other partitions is rejected too when another member shuts the producer out', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer({ family: newFamily() }));
      await appends.append([
        [0, 'before 0'],
        [1, 'before 1'],
      ]);
      const leader = world.cluster.partition(world.place(1)).leader;
      world.cluster.elect(world.place(1), -1);
      const sent = world.script.requests('Produce').length;
      const unclear = appends.append([[1, 'unclear']]);
      await world.until(() => world.script.requests('Produce').length > sent, 'a first try');
      await world.clock.sleep(500);
      const waiting = appends.append([[1, 'waiting']]);
      world.script.add({
        api: 'Produce',
        on: world.place(0),
        does: { kind: 'error', at: 'partition', code: Code.INVALID_PRODUCER_EPOCH },
      });
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'rejected', code: 'log_shut_out' });
      expect(await waiting).toMatchObject({ kind: 'rejected', code: 'log_shut_out' });
      world.cluster.elect(world.place(1), leader);
      expect(await unclear).toMatchObject({ kind: 'resolved' });
      expect(['a', 'waiting'].flatMap((value) => appends.placesOf(value))).toEqual([]);
      appends.expectKept();
    }));
});

describe('a partition that a broker leaves out of its answer', () => {
  it('no record is in the log twice if the broker does not know the producer at the next try', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      world.script.add({
        api: 'Produce',
        on: world.place(0),
        does: {
          kind: 'change',
          change(response) {
            response.topics = [];
          },
        },
      });
      const second = world.script.add({
        api: 'Produce',
        on: world.place(0),
        skip: 1,
        does: { kind: 'error', at: 'partition', code: Code.UNKNOWN_PRODUCER_ID },
      });
      const settled = await appends.append([[0, 'a']]);
      expect(second.hits).toBe(1);
      expect(settled).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
      expect(appends.placesOf('a')).toHaveLength(1);
    }));
});
