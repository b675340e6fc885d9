import { describe, expect, it } from 'vitest';
import type { EntityChange } from '../../../src/ports/commit.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import {
  acquireOne,
  acquirePartitions,
  batchOf,
  change,
  commitChanges,
  DUE,
  event,
  letOthersRun,
  move,
  NOT_READY,
  quarantined,
  ROW,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

const MODES = ['optimistic', 'locking'] as const;
const MANY = 5_000;

export function describeIngest(harness: StoreHarness): void {
  describe('a commit', () => {
    const place = usePlace(harness);
    // Transactions that meet may end each other behind a proxy.
    const together = it.skipIf(harness.isDistributed);

    it.each(MODES)(
      'a commit writes checkpoint, journal, view, deliveries and quarantine together (%s)',
      async (mode) => {
        const checkpoint = await acquireOne(place.store);
        const known = change('parcel', 0, { delivery: DUE });

        const outcome = await place.store.commit(
          batchOf([move(checkpoint, 2n)], [known], { mode, quarantined: [quarantined(1n)] }),
        );

        expect(outcome).toEqual({ kind: 'committed', deliveriesDue: TARGETS.length });
        expect((await place.store.checkpoints())[0]?.nextOffset).toBe(2n);
        expect(await place.store.readJournals(['parcel'])).toEqual(new Map([['parcel', known.events]]));
        expect(await place.store.readView(['parcel'])).toEqual(
          new Map([['parcel', { row: ROW, version: 1 }]]),
        );
        expect(await place.store.counts()).toEqual({
          journaledEvents: 1,
          viewRows: 1,
          quarantined: 1,
          deliveriesPending: TARGETS.length,
          deliveriesDelivered: 0,
          deliveriesDead: 0,
        });
      },
    );

    it.each(MODES)('a commit writes nothing if its plan throws (%s)', async (mode) => {
      const checkpoint = await acquireOne(place.store);
      await commitChanges(place.store, change('parcel', 0));
      const before = await place.store.counts();
      const plan = async (): Promise<EntityChange[]> => {
        await letOthersRun();
        throw new Error('The plan fell through.');
      };

      const batch = batchOf([move(checkpoint)], [], {
        mode,
        entityIds: ['new', 'parcel'],
        quarantined: [quarantined(0n)],
        plan,
      });
      await expect(place.store.commit(batch)).rejects.toThrow('The plan fell through.');

      expect(await place.store.counts()).toEqual(before);
      expect(await place.store.checkpoints()).toEqual([{ ...checkpoint, isNew: false }]);
      const again = batchOf([move(checkpoint)], [change('parcel', 1)], { mode });
      expect(await place.store.commit(again)).toMatchObject({ kind: 'committed' });
    });

    it.each(MODES)(
      'a commit rejects with the mistake in its plan, not with a fault of the database (%s)',
      async (mode) => {
        const checkpoint = await acquireOne(place.store);
        const mistake = new TypeError("Cannot read properties of undefined (reading 'events')");
        const batch = batchOf([move(checkpoint)], [], {
          mode,
          entityIds: ['parcel'],
          plan: () => Promise.reject(mistake),
        });
        await expect(place.store.commit(batch)).rejects.toBe(mistake);
        const again = batchOf([move(checkpoint)], [change('parcel', 0)], { mode });
        expect(await place.store.commit(again)).toMatchObject({ kind: 'committed' });
      },
    );

    it.each(MODES)('a commit asks for its plan once (%s)', async (mode) => {
      const checkpoint = await acquireOne(place.store);
      let asked = 0;
      const plan = async () => {
        asked++;
        return [change('parcel', 0)];
      };
      await place.store.commit(batchOf([move(checkpoint)], [], { mode, entityIds: ['parcel'], plan }));
      expect(asked).toBe(1);
    });

    it('an optimistic plan gets no versions, and the journals as they are', async () => {
      const first = event('parcel', 5);
      await commitChanges(place.store, change('parcel', 0, { events: [first] }));
      const earlier = event('parcel', 1);
      const seen: unknown[] = [];

      const outcome = await place.store.commit(
        batchOf([], [], {
          entityIds: ['parcel'],
          plan: async (versions, readJournals) => {
            seen.push(versions, await readJournals(['parcel', 'new']));
            return [change('parcel', 1, { events: [earlier] })];
          },
        }),
      );

      expect(outcome).toMatchObject({ kind: 'committed' });
      expect(seen).toEqual([null, new Map([['parcel', [first]]])]);
      expect((await place.store.readJournals(['parcel'])).get('parcel')).toEqual([earlier, first]);
    });

    it('a locking plan gets the version of every entity, 0 for a new one', async () => {
      await commitChanges(
        place.store,
        change('known', 0, { events: [event('known', 1), event('known', 2)] }),
      );
      const seen: unknown[] = [];
      await place.store.commit(
        batchOf([], [], {
          mode: 'locking',
          entityIds: ['known', 'new'],
          plan: async (versions, readJournals) => {
            seen.push(versions, [...(await readJournals(['known', 'new'])).keys()]);
            return [change('known', 2), change('new', 0)];
          },
        }),
      );
      expect(seen).toEqual([
        new Map([
          ['known', 2],
          ['new', 0],
        ]),
        ['known'],
      ]);
      const rows = await place.store.readView(['known', 'new']);
      expect([...rows].map(([id, { version }]) => [id, version]).sort()).toEqual([
        ['known', 3],
        ['new', 1],
      ]);
    });

    it('an entity that was locked and not changed gets no row', async () => {
      const checkpoint = await acquireOne(place.store);
      const batch = batchOf([move(checkpoint)], [], { mode: 'locking', entityIds: ['known', 'new'] });
      await commitChanges(place.store, change('known', 0));
      expect(await place.store.commit(batch)).toMatchObject({ kind: 'committed' });
      expect([...(await place.store.readView(['known', 'new'])).keys()]).toEqual(['known']);
      expect(await place.store.counts()).toMatchObject({ viewRows: 1 });
    });

    it('an entity without a row that is parked with no event gets no row', async () => {
      const checkpoint = await acquireOne(place.store);
      const parking = { kind: 'park', reason: 'fold_failed', detail: 'Odd.', parkedAtMs: 1 } as const;
      const parked = change('new', 0, { version: 0, events: [], row: null, delivery: NOT_READY, parking });
      const batch = batchOf([move(checkpoint)], [], {
        mode: 'locking',
        entityIds: ['new'],
        plan: async () => [parked],
      });
      expect(await place.store.commit(batch)).toMatchObject({ kind: 'committed' });
      expect(await place.store.readView(['new'])).toEqual(new Map());
      expect(await place.store.listParked({ after: null, limit: 10 })).toMatchObject([{ entityId: 'new' }]);
    });

    together('a batch is stale if an entity was changed since the plan, and writes nothing', async () => {
      const other = await place.another();
      const [mine, theirs] = await acquirePartitions(place.store, 2);
      if (mine === undefined || theirs === undefined) throw new Error('Too few partitions were acquired.');
      await commitChanges(place.store, change('known', 0));

      for (const [id, version] of [
        ['new', 0],
        ['known', 1],
      ] as const) {
        const [checkpoint] = (await place.store.checkpoints()).filter(({ partition }) => partition === 1);
        const outcome = await place.store.commit(
          batchOf([move(mine)], [], {
            entityIds: ['bystander', id],
            quarantined: [quarantined(0n)],
            plan: async () => {
              const first = event(id, 100, { eventId: 'theirs' });
              const winner = change(id, version, { events: [first], row: ['theirs', null, null] });
              expect(
                await other.commit(batchOf([move({ ...theirs, ...checkpoint })], [winner])),
              ).toMatchObject({ kind: 'committed' });
              return [change('bystander', 0, { delivery: DUE }), change(id, version, { delivery: DUE })];
            },
          }),
        );
        expect(outcome).toEqual({ kind: 'stale' });
        expect((await place.store.readView([id])).get(id)).toEqual({
          row: ['theirs', null, null],
          version: version + 1,
        });
      }
      expect(await place.store.readView(['bystander'])).toEqual(new Map());
      expect(await place.store.counts()).toMatchObject({
        journaledEvents: 3,
        quarantined: 0,
        deliveriesPending: 0,
      });
      expect((await place.store.checkpoints())[0]?.nextOffset).toBe(0n);
    });

    together(
      'a locking commit waits for another that has the entity, and builds on what that one wrote',
      async () => {
        const other = await place.another();
        const [first, second] = await acquirePartitions(place.store, 2);
        if (first === undefined || second === undefined) throw new Error('Too few partitions were acquired.');
        const sequence: string[] = [];
        const seenBySecond: JournaledEvent[] = [];
        let secondCommit: Promise<unknown> | undefined;

        const planSecond = async (
          versions: ReadonlyMap<string, number> | null,
          readJournals: (ids: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
        ) => {
          sequence.push('second plan');
          seenBySecond.push(...((await readJournals(['parcel'])).get('parcel') ?? []));
          return [change('parcel', versions?.get('parcel') ?? -1)];
        };
        const firstChange = change('parcel', 0);
        const outcome = await place.store.commit(
          batchOf([move(first)], [], {
            mode: 'locking',
            entityIds: ['parcel'],
            plan: async () => {
              const batch = { mode: 'locking', entityIds: ['parcel'], plan: planSecond } as const;
              secondCommit = other.commit(batchOf([move(second)], [], batch));
              await letOthersRun();
              sequence.push('first planned');
              return [firstChange];
            },
          }),
        );

        expect(outcome).toMatchObject({ kind: 'committed' });
        expect(await secondCommit).toMatchObject({ kind: 'committed' });
        expect(sequence).toEqual(['first planned', 'second plan']);
        expect(seenBySecond).toEqual(firstChange.events);
        expect((await place.store.readView(['parcel'])).get('parcel')?.version).toBe(2);
      },
    );

    together(
      'no update is lost when two instances add to the same entities in both modes at once',
      async () => {
        const other = await place.another();
        const ids = ['a', 'b', 'c'];
        const addOne = async (store: typeof other, name: string, mode: (typeof MODES)[number]) => {
          for (let round = 0; round < 12; round++) {
            for (;;) {
              const outcome = await store.commit(
                batchOf([], [], {
                  mode,
                  entityIds: ids,
                  plan: async (_versions, readJournals) => {
                    const journals = await readJournals(ids);
                    await letOthersRun();
                    return ids.map((id) => {
                      const version = journals.get(id)?.length ?? 0;
                      return change(id, version, {
                        events: [event(id, round, { eventId: `${name} ${round}` })],
                      });
                    });
                  },
                }),
              );
              if (outcome.kind === 'committed') break;
              expect([mode, outcome.kind]).toEqual(['optimistic', 'stale']);
              await place.clock.sleep(1);
            }
          }
        };
        await Promise.all([
          addOne(place.store, 'first', 'optimistic'),
          addOne(other, 'second', 'optimistic'),
          addOne(place.store, 'third', 'locking'),
          addOne(other, 'fourth', 'locking'),
        ]);
        const rows = await place.store.readView(ids);
        const journals = await place.store.readJournals(ids);
        for (const id of ids) {
          expect(rows.get(id)?.version).toBe(48);
          expect(journals.get(id)).toHaveLength(48);
        }
      },
    );

    together('lanes of one instance commit side by side', async () => {
      const checkpoints = await acquirePartitions(place.store, 8);
      const outcomes = await Promise.all(
        checkpoints.map((checkpoint, lane) =>
          place.store.commit(
            batchOf([move(checkpoint)], [change(`parcel ${lane}`, 0)], {
              mode: lane % 2 === 0 ? 'optimistic' : 'locking',
            }),
          ),
        ),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(checkpoints.map(() => 'committed'));
      expect(await place.store.counts()).toMatchObject({ journaledEvents: 8, viewRows: 8 });
    });

    it('another instance sees a commit at once', async () => {
      const other = await place.another();
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      expect((await other.readView(['parcel'])).get('parcel')?.version).toBe(1);
      expect((await other.readDelivery(TARGET, 'parcel'))?.status).toBe('pending');
    });

    it.each(MODES)(
      `a commit takes ${MANY} entities at once, and again (%s)`,
      async (mode) => {
        const checkpoint = await acquireOne(place.store);
        const ids = Array.from({ length: MANY }, (_, index) => `parcel ${String(index).padStart(5, '0')}`);
        const first = batchOf(
          [move(checkpoint)],
          ids.map((id) => change(id, 0, { events: [event(id, 2), event(id, 3)], delivery: DUE })),
          { mode },
        );
        expect(await place.store.commit(first)).toEqual({
          kind: 'committed',
          deliveriesDue: MANY * TARGETS.length,
        });
        const second = batchOf(
          [move({ ...checkpoint, nextOffset: 1n })],
          ids.map((id) =>
            change(id, 2, { events: [event(id, 1)], delivery: NOT_READY, row: [id, false, 1] }),
          ),
          { mode },
        );
        expect(await place.store.commit(second)).toEqual({
          kind: 'committed',
          deliveriesDue: MANY * TARGETS.length,
        });

        expect(await place.store.counts()).toEqual({
          journaledEvents: 3 * MANY,
          viewRows: MANY,
          quarantined: 0,
          deliveriesPending: MANY * TARGETS.length,
          deliveriesDelivered: 0,
          deliveriesDead: 0,
        });
        const journals = await place.store.readJournals(ids);
        const rows = await place.store.readView(ids);
        for (const id of ids) {
          expect(journals.get(id)?.map(({ position }) => position)).toEqual([1, 2, 3]);
          expect(rows.get(id)).toEqual({ row: [id, false, 1], version: 3 });
        }
      },
      60_000,
    );
  });

  describe('an instance', () => {
    const place = usePlace(harness);

    it('a store is healthy while it is open', async () => {
      expect(await place.store.health()).toEqual({ ok: true });
    });

    it('a store may be closed twice, and keeps what was committed', async () => {
      await commitChanges(place.store, change('parcel', 0));
      await place.store.close();
      await place.store.close();
      expect(await place.store.health()).toMatchObject({ ok: false });
      await expect(place.store.readView(['parcel'])).rejects.toThrow();

      const later = await place.another();
      expect((await later.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 1 });
    });
  });
}
