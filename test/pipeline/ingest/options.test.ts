import { expect, it } from 'vitest';
import { addTo, type CommitReport, NOTHING_YET } from '../../../src/pipeline/ingest/options.ts';

const REPORT: CommitReport = {
  consumed: 100,
  journaled: 50,
  duplicates: 20,
  outOfOrder: 10,
  conflicts: 5,
  quarantined: 2,
  deliveriesDue: 1,
  locking: false,
  offsets: [],
};

it('addTo adds each count of a commit to the totals, and counts the batches that locked rows', () => {
  const totals = { ...NOTHING_YET };
  addTo(totals, REPORT);
  addTo(totals, { ...REPORT, locking: true });
  expect(totals).toEqual({
    consumed: 200,
    journaled: 100,
    duplicates: 40,
    outOfOrder: 20,
    conflicts: 10,
    quarantined: 4,
    batches: 2,
    lockingBatches: 1,
  });
});
