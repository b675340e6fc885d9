import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangeWatch } from '../../../../src/adapters/embedded-log/file/change-watch.ts';
import { packRecords, unpackRecords } from '../../../../src/adapters/embedded-log/file/record-codec.ts';
import { isGone, ownIdentity } from '../../../../src/adapters/embedded-log/group/process-identity.ts';
import { murmur2 } from '../../../../src/adapters/embedded-log/producing/partitioner.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { bytesOf, eventually, newRecord, text } from '../../../contract/event-log-harness.ts';
import { newDataDir, timeoutMs } from '../helpers.ts';

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }));
const record = fc.record({
  topic: fc.constant('t'),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), bytes), { maxLength: 5 }),
});
const all = {
  baseOffset: 0,
  timestampMs: 1,
  fromOffset: 0,
  maxRecords: 1e9,
  maxBytes: 1e9,
  atLeastOne: true,
};

describe('the packing of records', () => {
  it('gives back any records, from any offset on', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.nat(19), (records, skip) => {
        const unpacked = unpackRecords(packRecords(records), {
          ...all,
          baseOffset: 100,
          recordCount: records.length,
          fromOffset: 100 + skip,
        });
        expect(unpacked.records.map(bytesOf)).toEqual(records.slice(skip).map(bytesOf));
        expect(unpacked.records.map(({ offset }) => Number(offset))).toEqual(
          records.map((_, i) => 100 + i).slice(skip),
        );
      }),
    );
  });

  it('stops before the record that passes a limit, but gives the first one if it must', () => {
    const packed = packRecords(['a', 'b', 'c'].map((key) => newRecord('t', key, 'x'.repeat(100))));
    const options = { ...all, recordCount: 3 };
    expect(unpackRecords(packed, { ...options, maxRecords: 2 }).records).toHaveLength(2);
    expect(unpackRecords(packed, { ...options, maxBytes: 250 }).records).toHaveLength(2);
    expect(unpackRecords(packed, { ...options, maxBytes: 1 }).records).toHaveLength(1);
    expect(unpackRecords(packed, { ...options, maxBytes: 1, atLeastOne: false }).records).toHaveLength(0);
  });

  it('throws on bytes that are cut off or of another format', () => {
    const packed = packRecords([newRecord('t', 'k', 'v', [['name', text('value')]])]);
    const options = { ...all, recordCount: 1 };
    for (let length = 0; length < packed.length - 5; length += 1) {
      expect(() => unpackRecords(packed.subarray(0, length), options)).toThrow();
    }
    expect(() => unpackRecords(Buffer.concat([Buffer.of(9), packed.subarray(1)]), options)).toThrow(/format/);
  });
});

describe('murmur2', () => {
  it("gives the hashes that Kafka's own test expects", () => {
    const expected: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    expect(expected.map(([key]) => [key, murmur2(text(key))])).toEqual(expected);
  });
});

describe('the identity of a process', () => {
  it('tells a living process from a dead one, from one that took its id, and does not judge elsewhere', () => {
    const own = ownIdentity();
    const unusedPid = 2 ** 30;
    expect(isGone(own, own)).toBe(false);
    expect(isGone({ ...own, pid: unusedPid }, own)).toBe(true);
    expect(isGone({ ...own, pid: unusedPid, scope: 'another host' }, own)).toBe(false);
    if (own.start !== '') expect(isGone({ ...own, start: '1' }, own)).toBe(true);
  });
});

describe('the watch for changes', { timeout: timeoutMs * 2 }, () => {
  it('finds a change by its poll where the file cannot be watched', async () => {
    const clock = new SeededClock({ seed: 1 });
    let version = 1;
    let told = 0;
    const wakeFile = join(await newDataDir(), 'missing', 'file');
    const watch = new ChangeWatch({ clock, pollMs: 10, wakeFile, readVersion: () => version });
    watch.listen(() => {
      told += 1;
    });
    await clock.advance(100);
    expect(told).toBe(0);
    version = 2;
    await clock.advance(10);
    expect(told).toBe(1);
    watch.close();
    expect(clock.sleepers).toBe(0);
  });

  it('finds a change by the file, and by a rare poll what the file did not tell', async () => {
    const clock = new SeededClock({ seed: 1 });
    let version = 1;
    let told = 0;
    const wakeFile = join(await newDataDir(), 'wake');
    writeFileSync(wakeFile, 'x');
    const watch = new ChangeWatch({ clock, pollMs: 10, wakeFile, readVersion: () => version });
    const stop = watch.listen(() => {
      told += 1;
    });
    version = 2;
    await eventually(
      () => {
        writeFileSync(wakeFile, 'x');
        return told === 1;
      },
      timeoutMs,
      () => 'a wake-up by the file',
    );
    version = 3;
    await clock.advance(1_000);
    expect(told).toBe(2);
    stop();
    expect(clock.sleepers).toBe(0);
  });

  it('polls often again once a poll has found what the file did not tell, whatever else it tells', async () => {
    const clock = new SeededClock({ seed: 1 });
    let version = 1;
    let reads = 0;
    const wakeFile = join(await newDataDir(), 'wake');
    writeFileSync(wakeFile, 'x');
    const readVersion = () => {
      reads += 1;
      return version;
    };
    const watch = new ChangeWatch({ clock, pollMs: 10, wakeFile, readVersion });
    watch.listen(() => {});
    version = 2;
    await clock.advance(10);
    const before = reads;
    await eventually(
      () => {
        writeFileSync(wakeFile, 'x');
        return reads > before;
      },
      timeoutMs,
      () => 'a sign of a commit of its own',
    );
    await clock.advance(10);
    expect(clock.nextWakeMs).toBe(10);
    watch.close();
  });

  it('goes back to polling when its file is deleted', async () => {
    const clock = new SeededClock({ seed: 1 });
    let version = 1;
    let reads = 0;
    const wakeFile = join(await newDataDir(), 'wake');
    writeFileSync(wakeFile, 'x');
    const readVersion = () => {
      reads += 1;
      return version;
    };
    const watch = new ChangeWatch({ clock, pollMs: 10, wakeFile, readVersion });
    watch.listen(() => {});
    version = 2;
    await eventually(
      () => {
        writeFileSync(wakeFile, 'x');
        return reads > 1;
      },
      timeoutMs,
      () => 'a wake-up by the file',
    );
    await clock.advance(10);
    expect(clock.nextWakeMs).toBe(250);
    unlinkSync(wakeFile);
    await eventually(
      async () => {
        await clock.advance(250);
        return clock.nextWakeMs === 10;
      },
      timeoutMs,
      () => 'polls as often as at first',
    );
    watch.close();
  });

  it('reads nothing while nobody listens', async () => {
    let reads = 0;
    const watch = new ChangeWatch({
      clock: systemClock,
      pollMs: 1,
      wakeFile: join(await newDataDir(), 'wake'),
      readVersion: () => {
        reads += 1;
        return 1;
      },
    });
    watch.tell();
    watch.listen(() => {})();
    const before = reads;
    await systemClock.sleep(20);
    expect(reads).toBe(before);
  });
});
