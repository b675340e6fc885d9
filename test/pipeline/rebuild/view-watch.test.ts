import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { ViewWatch } from '../../../src/pipeline/rebuild/view-mode.ts';
import type { RebuildState, ViewState } from '../../../src/ports/view-rebuild.ts';

const COLUMNS = [{ name: 'place', type: 'text' }] as const;
const OTHER = [...COLUMNS, { name: 'weight', type: 'integer' }] as const;
const REBUILD = {
  rebuildId: 'rebuild-1',
  foldVersion: 3,
  columns: COLUMNS,
  report: null,
} as unknown as RebuildState;

/** A watch of a program with fold version 2, over a record that the test sets. */
class Place {
  readonly clock = new SeededClock({ seed: 1 });
  record: ViewState = {
    epoch: 1,
    phase: 'steady',
    foldVersion: 2,
    awaitedFold: null,
    columns: COLUMNS,
    beat: 0,
    rebuild: null,
  };
  trouble: Error | null = null;
  readonly logged: string[] = [];
  readonly outdated: TributaryError[] = [];
  readonly standstills: ViewState[] = [];
  readonly awaited: number[] = [];
  changes = 0;
  looks = 0;
  readonly watch: ViewWatch;

  constructor(foldVersion = 2) {
    this.watch = new ViewWatch({
      store: {
        viewState: async () => {
          this.looks++;
          if (this.trouble !== null) throw this.trouble;
          return this.record;
        },
        awaitFold: async (fold) => {
          this.awaited.push(fold);
          this.set({ awaitedFold: fold, epoch: this.record.epoch + 1 });
        },
      },
      fold: { table: 'parcels', foldVersion, columns: COLUMNS },
      clock: this.clock,
      logger: (level, message) => this.logged.push(`${level}: ${message}`),
      onOutdated: (error) => this.outdated.push(error),
      onStandstill: async (state) => void this.standstills.push(state),
      onChanged: () => void this.changes++,
    });
  }

  set(facts: Partial<ViewState>): void {
    this.record = { ...this.record, ...facts };
  }

  /** Lets the watch look once a second for this many seconds. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.clock.advance(1_000);
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    }
  }
}

describe('the watch of the view', () => {
  it('knows nothing of the rows before its first look', async () => {
    const { watch } = new Place();
    expect([watch.writesRows, watch.isOutdated, watch.isSteady, watch.isComparable]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([watch.epoch, watch.state, watch.notes()]).toEqual([0, null, []]);
    expect(watch.status()).toEqual({
      table: 'parcels',
      mode: 'current',
      foldVersion: { ofProgram: 2, ofRows: null },
      phase: null,
      rebuild: null,
    });
  });

  it('tells what the record says', async () => {
    const place = new Place();
    const { watch } = place;
    place.set({ epoch: 7, rebuild: REBUILD });
    await watch.refresh();
    expect([watch.writesRows, watch.isOutdated, watch.isSteady, watch.isComparable, watch.epoch]).toEqual([
      true,
      false,
      true,
      true,
      7,
    ]);
    expect(watch.state).toBe(place.record);
    expect(watch.status()).toEqual({
      table: 'parcels',
      mode: 'current',
      foldVersion: { ofProgram: 2, ofRows: 2 },
      phase: 'steady',
      rebuild: { id: 'rebuild-1', isBuilt: false },
    });
    place.set({ rebuild: { ...REBUILD, report: {} }, phase: 'switching' });
    await watch.refresh();
    expect(watch.status()).toMatchObject({ phase: 'switching', rebuild: { id: 'rebuild-1', isBuilt: true } });
    expect([watch.isSteady, watch.isComparable]).toEqual([false, false]);
    expect([place.logged, place.outdated]).toEqual([[], []]);
  });

  it('calls rows with other columns not comparable', async () => {
    const place = new Place(3);
    place.set({ columns: OTHER });
    await place.watch.refresh();
    expect([place.watch.isSteady, place.watch.isComparable]).toEqual([true, false]);
  });

  it('shuts out older programs while its own fold is newer, says so once, and says when the rows are made', async () => {
    const place = new Place(3);
    await place.watch.refresh();
    await place.watch.refresh();
    expect(place.awaited).toEqual([3]);
    expect([place.watch.writesRows, place.watch.isOutdated]).toEqual([false, false]);
    const note =
      'The rows of parcels were made by fold version 2, and this program has fold version 3: events are journaled, and rows ' +
      'and deliveries stay as they are, until a rebuild has made the rows anew ("order-sync rebuild").';
    expect(place.watch.notes()).toEqual([note]);
    expect(place.logged).toEqual([`warn: ${note}`]);
    place.set({ foldVersion: 3, awaitedFold: null, epoch: 9 });
    await place.watch.refresh();
    expect(place.watch.notes()).toEqual([]);
    expect(place.logged).toEqual([
      `warn: ${note}`,
      'info: The rows of parcels are those of fold version 3 now.',
    ]);
  });

  it('tells once that the program must not write any more', async () => {
    const place = new Place();
    place.set({ foldVersion: 3 });
    await place.watch.refresh();
    await place.watch.refresh();
    expect([place.watch.writesRows, place.watch.isOutdated]).toEqual([false, true]);
    expect(place.outdated).toMatchObject([{ code: 'fold_outdated' }]);
    expect(place.outdated[0]?.message).toBe(
      'The rows of parcels were made by fold version 3, and this program has fold version 2: start the newer program.',
    );
    expect(place.watch.notes()).toEqual([]);
  });

  it('says which program deliveries wait for, while the changes of its rebuild are made due', async () => {
    const place = new Place();
    place.set({ phase: 'settling', rebuild: REBUILD });
    await place.watch.refresh();
    expect(place.watch.notes()).toEqual([
      'Deliveries wait until the rebuild of parcels has made its changes due, which needs a program with fold version 3: ' +
        'run "order-sync rebuild --switch --wait" with it if none runs.',
    ]);
    for (const facts of [
      { phase: 'steady' as const },
      { phase: 'settling' as const, rebuild: null },
      { phase: 'settling' as const, rebuild: { ...REBUILD, foldVersion: 2 } },
    ]) {
      place.set({ rebuild: REBUILD, ...facts });
      await place.watch.refresh();
      expect(place.watch.notes()).toEqual([]);
    }
  });

  it('tells of each change of the epoch, but not of the first look', async () => {
    const place = new Place();
    await place.watch.refresh();
    await place.watch.refresh();
    expect(place.changes).toBe(0);
    place.set({ epoch: 2 });
    await place.watch.refresh();
    await place.watch.refresh();
    expect(place.changes).toBe(1);
  });

  it('makes its looks one after the other, also behind one that failed', async () => {
    const place = new Place();
    place.trouble = new TributaryError('store_unreachable', 'No answer.');
    const failed = place.watch.refresh();
    const next = place.watch.refresh();
    await expect(failed).rejects.toThrow('No answer.');
    await expect(next).rejects.toThrow('No answer.');
    place.trouble = null;
    await place.watch.refresh();
    expect([place.looks, place.watch.epoch]).toEqual([3, 1]);
  });

  it('waits while the tables are exchanged, and no longer than it is told', async () => {
    const place = new Place();
    const stopping = new AbortController();
    place.set({ phase: 'switching' });
    let isOver = false;
    const waiting = place.watch.untilExchanged(stopping.signal).then(() => {
      isOver = true;
    });
    await place.pass(1);
    expect([isOver, place.looks]).toEqual([false, 11]);
    place.set({ phase: 'settling' });
    await place.clock.advance(100);
    await waiting;
    place.set({ phase: 'switching' });
    const stopped = place.watch.untilExchanged(stopping.signal);
    await setImmediate();
    stopping.abort();
    await stopped;
    expect(place.clock.sleepers).toBe(0);
  });
});

describe('the loop of the watch', () => {
  async function running(place: Place): Promise<() => Promise<void>> {
    const stopping = new AbortController();
    const run = place.watch.run(stopping.signal);
    await setImmediate();
    return async () => {
      stopping.abort();
      await run;
    };
  }

  it('looks every second until it is stopped', async () => {
    const place = new Place();
    const stop = await running(place);
    await place.pass(10);
    await stop();
    expect(place.looks).toBe(11);
    await place.pass(5);
    expect([place.looks, place.clock.sleepers]).toEqual([11, 0]);
  });

  it.each(['switching', 'settling'] as const)(
    'hands on a %s that shows no progress for 30 looks, and again after 30 more',
    async (phase) => {
      const place = new Place();
      place.set({ phase, rebuild: REBUILD });
      const stop = await running(place);
      await place.pass(29);
      expect(place.standstills).toEqual([]);
      await place.pass(1);
      expect(place.standstills).toEqual([place.record]);
      await place.pass(29);
      expect(place.standstills).toHaveLength(1);
      await place.pass(1);
      expect(place.standstills).toHaveLength(2);
      await stop();
    },
  );

  it.each([
    ['a beat', (place: Place) => place.set({ beat: place.record.beat + 1 })],
    ['another epoch', (place: Place) => place.set({ epoch: place.record.epoch + 1 })],
    [
      'another phase',
      (place: Place) => place.set({ phase: place.record.phase === 'switching' ? 'settling' : 'switching' }),
    ],
  ])('counts from the beginning after %s', async (_, move) => {
    const place = new Place();
    place.set({ phase: 'switching' });
    const stop = await running(place);
    for (let round = 0; round < 3; round++) {
      await place.pass(20);
      move(place);
    }
    expect(place.standstills).toEqual([]);
    await place.pass(40);
    expect(place.standstills).toHaveLength(1);
    await stop();
  });

  it('hands nothing on while the view is steady', async () => {
    const place = new Place();
    const stop = await running(place);
    await place.pass(100);
    expect(place.standstills).toEqual([]);
    await stop();
  });

  it('logs an outage once, and goes on after it', async () => {
    const place = new Place();
    const stop = await running(place);
    const line = 'warn: The record of the view cannot be read just now: No answer.';
    for (const lines of [[line], [line, line]]) {
      place.trouble = new TributaryError('store_unreachable', 'No answer.');
      await place.pass(3);
      place.trouble = null;
      await place.pass(2);
      expect(place.logged).toEqual(lines);
    }
    await stop();
  });
});
