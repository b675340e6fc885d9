import { describe, expect, it } from 'vitest';
import type { QuarantineSelection } from '../../../src/pipeline/jobs/quarantine-selection.ts';
import type { StoredQuarantine } from '../../../src/ports/quarantine.ts';
import { MOVEMENTS, movements, type Place } from '../ingest/harness.ts';
import { broken, counted, create, done, keyless, placeWith, work } from './quarantine-work.ts';

const one = ({ topic, partition, offset }: StoredQuarantine) => ({
  topic,
  partition,
  fromOffset: offset,
  beforeOffset: offset + 1n,
});

async function redriven({ store }: Place, selection: QuarantineSelection, isDryRun = false) {
  const jobId = crypto.randomUUID();
  await create(store, jobId, selection, isDryRun);
  const worker = work(store);
  const progress = await done(store, jobId);
  await worker.stop();
  return progress;
}

describe('a redrive whose filters overlap', () => {
  it('journals, settles and counts a record once that is named twice', async () => {
    const entries = movements('a', 6);
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(6);
    const open = await place.store.readQuarantine({ after: null, limit: 10 });
    const names = [...open, ...open.slice(0, 2)].map(one);
    expect(await redriven(place, names)).toEqual(counted({ matched: 6, passed: 6, redriven: 6 }));
    await place.settles(entries);
  });

  it('journals the records of a wide filter beside those that were named before it', async () => {
    const entries = movements('a', 6);
    const { place, refused } = await placeWith(entries.map(keyless));
    await refused(6);
    const open = await place.store.readQuarantine({ after: null, limit: 10 });
    const selection = [...open.slice(2, 4).map(one), { topic: MOVEMENTS }, { reason: 'key_missing' }];
    expect(await redriven(place, selection)).toEqual(counted({ matched: 6, passed: 6, redriven: 6 }));
    await place.settles(entries);
  });

  it('counts each record once in a dry run, and once if it stays refused, over several steps', async () => {
    const entries = movements('a', 600);
    const { place, refused } = await placeWith(entries.map((entry) => ({ ...broken(entry), key: null })));
    await refused(600);
    const selection = [{ topic: MOVEMENTS }, {}];
    const facts = { matched: 600, refusedAgain: { json_invalid: 600 } };
    expect(await redriven(place, selection, true)).toEqual(counted(facts));
    expect(await redriven(place, selection)).toEqual(counted(facts));
  });
});
