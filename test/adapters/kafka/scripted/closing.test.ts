import { describe, expect, it } from 'vitest';
import { Appends, newFamily } from './appends.ts';
import { inWorld } from './world.ts';

describe('a producer that is closed', () => {
  it('a closed producer leaves an append open whose outcome its family does not know, and lets the process go on', () =>
    inWorld({}, async (world) => {
      const family = newFamily();
      const producer = world.log.producer({ family });
      const appends = new Appends(world, producer);
      await appends.append([[0, 'before']]);
      const rule = world.script.add({
        api: 'Produce',
        times: Number.POSITIVE_INFINITY,
        does: { kind: 'close', effect: 'done' },
      });
      void appends.append([[0, 'a']]);
      await world.until(() => rule.hits >= 2, 'two tries');
      void appends.append([[0, 'b']]);
      await producer.close();
      await world.until(() => appends.all[2]?.settled.kind === 'rejected', 'what was never sent is rejected');
      expect(appends.all[1]?.settled).toEqual({ kind: 'open' });
      expect(appends.placesOf('b')).toEqual([]);
      expect(await family.members()).toHaveLength(1);
      appends.expectKept();
    }));

  it('a closed producer leaves its family if all of its appends are settled', () =>
    inWorld({}, async (world) => {
      const family = newFamily();
      const appends = new Appends(world, world.log.producer({ family }));
      await appends.append([[0, 'a']]);
      expect(await family.members()).toHaveLength(1);
      await appends.producer.close();
      expect(await family.members()).toEqual([]);
    }));

  it('a closed producer drops what is left of a rejected append, and lets the process go on', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.append([[0, 'before']]);
      const code = 29;
      world.script.add({
        api: 'Produce',
        on: world.place(0),
        does: { kind: 'error', at: 'partition', code },
      });
      const slow = world.script.add({ api: 'Produce', on: world.place(1), does: { kind: 'silence' } });
      await appends.append([
        [0, 'a'],
        [1, 'b'],
      ]);
      await world.until(() => slow.hits === 1, 'a request without an answer');
      await appends.producer.close();
      await world.clock.sleep(200);
      appends.expectKept();
    }));

  it('a closed producer rejects appends with log_append_failed', () =>
    inWorld({}, async (world) => {
      const appends = new Appends(world, world.log.producer());
      await appends.producer.close();
      expect(await appends.append([[0, 'a']])).toMatchObject({ kind: 'rejected', code: 'log_append_failed' });
    }));
});
