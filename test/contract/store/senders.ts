import { describe, expect, it } from 'vitest';
import { type StoreHarness, TARGET, TARGETS, usePlace } from './fixtures.ts';

export function describeSenders(harness: StoreHarness): void {
  describe('the senders of a target', () => {
    const place = usePlace(harness);

    it('senders are known to every instance until they are forgotten', async () => {
      const other = await place.another();
      await place.store.noteSender(TARGET, 'one');
      place.clock.nowMs += 1;
      await other.noteSender(TARGET, 'two');
      await other.noteSender(TARGET, 'two');
      await other.noteSender(TARGETS[1], 'three');
      expect(await place.store.readSenders(TARGET)).toEqual(['two', 'one']);
      await other.forgetSender(TARGET, 'one');
      await other.forgetSender(TARGET, 'nobody');
      expect(await place.store.readSenders(TARGET)).toEqual(['two']);
      expect(await place.store.readSenders(TARGETS[1])).toEqual(['three']);
    });

    it('a sender is forgotten after a week, when another one is noted', async () => {
      await place.store.noteSender(TARGET, 'old');
      place.clock.nowMs += 7 * 24 * 60 * 60_000 + 1;
      await place.store.noteSender(TARGET, 'new');
      expect(await place.store.readSenders(TARGET)).toEqual(['new']);
    });
  });
}
