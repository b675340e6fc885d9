import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChangeWatch } from '../../../../src/adapters/embedded-log/file/change-watch.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { eventually } from '../../../contract/event-log-harness.ts';
import { newDataDir, timeoutMs } from '../helpers.ts';

describe('the watch for changes', { timeout: timeoutMs * 2 }, () => {
  it('the poll finds a change where the file cannot be watched', async () => {
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

  it('the file tells of a change, and a rare poll finds one that it did not tell', async () => {
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

  it('the watch polls often again once a poll has found a change that the file did not tell', async () => {
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

  it('the watch polls often again when its file is deleted', async () => {
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
      () => 'frequent polls',
    );
    watch.close();
  });

  it('the watch reads nothing without listeners', async () => {
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
