import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultsOf, type LedgerFacts, rightState } from '../../../src/pipeline/verify/ledger-rules.ts';
import type { LedgerEntry, LedgerRecord } from '../../../src/ports/verification.ts';

const PLACES = { pending: 'due', dead: 'dead', delivered: 'none' } as const;

const someVersion = fc.integer({ min: -1, max: 6 });

const someEntry: fc.Arbitrary<LedgerEntry> = fc
  .record({
    status: fc.constantFrom('pending', 'delivered', 'dead'),
    dueVersion: someVersion,
    deliveredVersion: fc.option(someVersion),
    place: fc.constantFrom('due', 'dead', 'none', 'lost'),
    isClaimed: fc.boolean(),
    failed: fc.boolean(),
    mark: fc.constant('mark'),
  })
  .map(
    ({ failed, ...entry }) =>
      ({ ...entry, hasFailed: entry.status === 'dead' ? failed : null }) as LedgerEntry,
  );

/** Anything that may stand in a ledger, with a journal, and the versions whose rows are the present one. */
const someLedger = fc.record({
  entry: fc.option(someEntry),
  acceptedVersion: fc.option(fc.integer({ min: 1, max: 6 })),
  version: fc.integer({ min: 1, max: 4 }),
  isOwed: fc.boolean(),
  isFromBeginning: fc.boolean(),
  baselineVersion: fc.constantFrom(0, 0, 1, 2),
  present: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
});

type SomeLedger = typeof someLedger extends fc.Arbitrary<infer Value> ? Value : never;

function factsOf(
  {
    version,
    isOwed,
    isFromBeginning,
    baselineVersion,
    present,
  }: Omit<SomeLedger, 'entry' | 'acceptedVersion'>,
  { entry, acceptedVersion }: LedgerRecord,
): LedgerFacts {
  const isPresent = (at: number | null | undefined) =>
    at === null || at === undefined || at < 1 || at > version ? null : at === version || present[at] === true;
  return {
    version,
    isOwed,
    isFromBeginning,
    baselineVersion: Math.min(baselineVersion, version),
    isDueRowPresent: isPresent(entry?.dueVersion),
    isAcceptedRowPresent: isPresent(acceptedVersion),
    wasReady: true,
  };
}

describe('an entry of the ledger that was put right', () => {
  it('the right state breaks no rule, whatever stood there, and is the entry if that was right', () => {
    fc.assert(
      fc.property(someLedger, ({ entry, acceptedVersion, ...rest }) => {
        // No attempt at a version that the journal does not have was ever accepted.
        const accepted = acceptedVersion !== null && acceptedVersion <= rest.version ? acceptedVersion : null;
        const record: LedgerRecord = { target: 't', entry, acceptedVersion: accepted };
        const facts = factsOf(rest, record);
        const right = rightState(record, facts);
        if (right === null) throw new Error('The entity has events and was ready.');
        const isDead = right.status === 'dead';
        const mended: LedgerRecord = {
          ...record,
          entry: {
            ...right,
            place: PLACES[right.status],
            isClaimed: false,
            hasFailed: isDead ? (entry?.hasFailed ?? null) : null,
            mark: '',
          },
        };
        expect(faultsOf(mended, factsOf(rest, mended))).toEqual([]);
        if (entry !== null && faultsOf(record, facts).length === 0)
          expect(right).toEqual({
            status: entry.status,
            dueVersion: entry.dueVersion,
            deliveredVersion: entry.deliveredVersion,
          });
      }),
      { numRuns: 3_000 },
    );
  });

  it('an entry is due again only if nothing proves that the target has the present state', () => {
    const facts = { isOwed: true, isFromBeginning: true, baselineVersion: 0, wasReady: true, version: 3 };
    const rows = { isDueRowPresent: null, isAcceptedRowPresent: null };
    const missing = (acceptedVersion: number | null) => ({ target: 't', entry: null, acceptedVersion });
    expect(rightState(missing(3), { ...facts, ...rows })).toMatchObject({
      status: 'delivered',
      dueVersion: 3,
    });
    expect(rightState(missing(2), { ...facts, ...rows, isAcceptedRowPresent: true })).toEqual({
      status: 'delivered',
      dueVersion: 2,
      deliveredVersion: 2,
    });
    expect(rightState(missing(2), { ...facts, ...rows, isAcceptedRowPresent: false })).toEqual({
      status: 'pending',
      dueVersion: 3,
      deliveredVersion: 2,
    });
    expect(rightState(missing(null), { ...facts, ...rows })).toEqual({
      status: 'pending',
      dueVersion: 3,
      deliveredVersion: null,
    });
  });
});

describe('the entry that an entity lacks', () => {
  const facts: LedgerFacts = {
    version: 2,
    isOwed: true,
    isFromBeginning: false,
    baselineVersion: 0,
    isDueRowPresent: null,
    isAcceptedRowPresent: null,
    wasReady: null,
  };

  it.each([
    ['a target that was added later is owed nothing of before', facts, null, []],
    [
      'a target from the beginning is owed every ready entity',
      { ...facts, isFromBeginning: true },
      null,
      ['missing'],
    ],
    [
      'nobody is owed an entity that is not ready',
      { ...facts, isFromBeginning: true, isOwed: false },
      null,
      [],
    ],
    ['whoever accepted a state is owed every later one', { ...facts, isOwed: false }, 1, ['missing']],
  ] as const)('%s', (_, given, acceptedVersion, faults) => {
    expect(faultsOf({ target: 't', entry: null, acceptedVersion }, given)).toEqual(faults);
  });
});
