import { describe, expect, it } from 'vitest';
import { journalFault } from '../../../src/pipeline/ingest/unfoldable.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';

describe('a journal that was read under a lock', () => {
  const journal = [{}, {}, {}] as JournaledEvent[];

  it.each([3, undefined])(
    'shows no fault with as many events as its last version says (%s)',
    (lastVersion) => {
      expect(journalFault(journal, lastVersion)).toBeNull();
    },
  );

  it.each([2, 4])('shows that events were lost if its last version is %i', (lastVersion) => {
    expect(journalFault(journal, lastVersion)).toEqual({
      reason: 'journal_incomplete',
      detail: `The journal has 3 events up to version ${lastVersion}: events in between were lost.`,
    });
  });
});
