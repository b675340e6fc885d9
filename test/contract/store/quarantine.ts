import { describe, expect, it } from 'vitest';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';
import { acquireOne, batchOf, bytes, move, quarantined, type StoreHarness, usePlace } from './fixtures.ts';

export function describeQuarantine(harness: StoreHarness): void {
  describe('the quarantine', () => {
    const place = usePlace(harness);

    const keep = (...records: QuarantinedRecord[]) =>
      place.store.commit(batchOf([], [], { quarantined: records }));
    const comparable = (record: QuarantinedRecord) => ({
      ...record,
      key: bytes(record.key),
      value: bytes(record.value),
      headers: bytes(record.headers),
    });

    it('records are read back byte for byte, absent and empty values told apart', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const records = [
        quarantined(1n, { key: every, value: every, headers: every }),
        quarantined(2n, { key: null, value: null, headers: new Uint8Array() }),
        quarantined(3n, { key: new Uint8Array(), value: new Uint8Array() }),
        quarantined(2n ** 53n + 1n, { value: every, valueLength: 5_000_000_000 }),
      ];
      await keep(...records);

      const kept = await place.store.readQuarantine({ after: null, limit: 10 });

      expect(kept.map(comparable)).toEqual(records.map(comparable));
      expect(await place.store.counts()).toMatchObject({ quarantined: 4 });
    });

    it('the quarantine is read in pages, by topic, partition and offset', async () => {
      const records = [
        quarantined(9n, { topic: 'a', partition: 2 }),
        quarantined(10n, { topic: 'a', partition: 2 }),
        quarantined(1n, { topic: 'a', partition: 10 }),
        quarantined(0n, { topic: 'b', partition: 0 }),
      ];
      await keep(...[...records].reverse());

      const seen: QuarantinedRecord[] = [];
      for (;;) {
        const page = await place.store.readQuarantine({ after: seen.at(-1) ?? null, limit: 3 });
        expect(page.length).toBeLessThanOrEqual(3);
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen.map(comparable)).toEqual(records.map(comparable));
    });

    it('the quarantine is read by topic and by reason', async () => {
      await keep(
        quarantined(1n, { topic: 'a', reason: 'json_invalid' }),
        quarantined(2n, { topic: 'a', reason: 'key_missing' }),
        quarantined(3n, { topic: 'b', reason: 'key_missing' }),
      );
      const offsets = async (only: { topic?: string; reason?: string }) => {
        const page = await place.store.readQuarantine({ after: null, limit: 10, ...only });
        return page.map(({ offset }) => offset);
      };
      expect(await offsets({ topic: 'a' })).toEqual([1n, 2n]);
      expect(await offsets({ reason: 'key_missing' })).toEqual([2n, 3n]);
      expect(await offsets({ topic: 'a', reason: 'key_missing' })).toEqual([2n]);
      expect(await offsets({ topic: 'c' })).toEqual([]);
    });

    it('records are counted by topic and reason, once if they are read again, and after a restart too', async () => {
      expect((await place.store.refusedCounts()).quarantined).toEqual([]);
      await keep(
        quarantined(1n, { topic: 'b', reason: 'key_missing' }),
        quarantined(2n, { topic: 'b', reason: 'key_missing' }),
        quarantined(3n, { topic: 'b', reason: 'json_invalid' }),
        quarantined(1n, { topic: 'a', reason: 'key_missing' }),
      );
      await keep(quarantined(2n, { topic: 'b', reason: 'key_missing' }));
      const expected = [
        { topic: 'b', reason: 'key_missing', records: 2 },
        { topic: 'a', reason: 'key_missing', records: 1 },
        { topic: 'b', reason: 'json_invalid', records: 1 },
      ];
      expect((await place.store.refusedCounts()).quarantined).toEqual(expected);
      expect((await (await place.another()).refusedCounts()).quarantined).toEqual(expected);
    });

    it('a fenced batch puts nothing into quarantine', async () => {
      const stale = await acquireOne(place.store);
      await acquireOne(place.store);
      const batch = batchOf([move(stale)], [], { quarantined: [quarantined(0n)] });
      expect(await place.store.commit(batch)).toEqual({ kind: 'fenced' });
      expect(await place.store.readQuarantine({ after: null, limit: 10 })).toEqual([]);
    });

    it('a record is kept once, as it was first seen, when its partition is read again', async () => {
      await keep(quarantined(4n, { observedAtMs: 1_000 }));
      expect(await keep(quarantined(4n, { observedAtMs: 2_000 }))).toMatchObject({ kind: 'committed' });
      const kept = await place.store.readQuarantine({ after: null, limit: 10 });
      expect(kept.map(({ offset, observedAtMs }) => [offset, observedAtMs])).toEqual([[4n, 1_000]]);
    });

    it('both records are kept if a topic that was created again has another one at the same offset', async () => {
      const values = [Uint8Array.of(1), Uint8Array.of(2)];
      for (const value of values) await keep(quarantined(4n, { value }));
      const first = await place.store.readQuarantine({ after: null, limit: 1 });
      const second = await place.store.readQuarantine({ after: first[0] ?? null, limit: 10 });
      expect([...first, ...second].map(({ value }) => value?.[0]).sort()).toEqual([1, 2]);
    });

    it('a value of a megabyte is kept', async () => {
      const value = new Uint8Array(1_048_576).fill(0xfe);
      await keep(quarantined(1n, { value }));
      const [kept] = await place.store.readQuarantine({ after: null, limit: 1 });
      expect(Buffer.compare(kept?.value ?? new Uint8Array(), value)).toBe(0);
    });
  });
}
