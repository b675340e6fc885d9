import { describe, expect, it } from 'vitest';
import { identityOf, Oracle } from '../oracle.ts';
import { MALFORMED_KINDS, MAX_RECORD_BYTES, OVERSIZED_KINDS } from './malformed.ts';
import { orderIdOf, tellRevisedStory } from './order-stories.ts';
import { type StreamedRecord, type WorkloadOptions, workload } from './workload.ts';

const topics = { order: 'orders-in', payment: 'payments-in' };
const options: WorkloadOptions = {
  events: 20_000,
  seed: 7,
  topics,
  duplicateRate: 0.1,
  lateRate: 0.1,
  malformedRate: 0.01,
};
const stream = [...workload(options)];
const share = (keep: (streamed: StreamedRecord) => boolean) => stream.filter(keep).length / stream.length;

function oracleOf(records: readonly StreamedRecord[]): Oracle {
  const oracle = new Oracle({ ...topics, maxRecordBytes: MAX_RECORD_BYTES });
  for (const { record } of records) oracle.add(record);
  return oracle;
}

describe('the workload', () => {
  it('yields exactly the requested number of records', () => {
    expect(stream).toHaveLength(20_000);
    for (const events of [1, 2, 5, 50]) expect([...workload({ ...options, events })]).toHaveLength(events);
  });

  it('yields the same records for the same seed, and others for another seed', () => {
    expect([...workload({ ...options, events: 2_000 })]).toEqual([
      ...workload({ ...options, events: 2_000 }),
    ]);
    expect([...workload({ ...options, events: 100 })]).not.toEqual([
      ...workload({ ...options, events: 100, seed: 8 }),
    ]);
  });

  it('yields 10% duplicates, 10% late records and 1% malformed records', () => {
    expect(share(({ isDuplicate }) => isDuplicate)).toBeCloseTo(0.1, 1.5);
    expect(share(({ isLate }) => isLate)).toBeCloseTo(0.1, 1.5);
    expect(share(({ malformed }) => malformed !== null)).toBeCloseTo(0.01, 2);
  });

  it('contains every kind of malformed record, and the oracle refuses exactly these records', () => {
    const kinds = new Set(stream.map(({ malformed }) => malformed));
    for (const { name } of [...MALFORMED_KINDS, ...OVERSIZED_KINDS]) expect(kinds).toContain(name);
    const oracle = new Oracle({ ...topics, maxRecordBytes: MAX_RECORD_BYTES });
    for (const { record, malformed } of stream) {
      const verdict = oracle.add(record) === null ? 'refused' : 'taken';
      expect(verdict, `${malformed}: ${record.value?.toString().slice(0, 300)}`).toBe(
        malformed === null ? 'taken' : 'refused',
      );
    }
  });

  it('adds no event with its duplicates', () => {
    const without = oracleOf(stream.filter(({ isDuplicate }) => !isDuplicate));
    const all = oracleOf(stream);
    expect(all.identityCount).toBe(without.identityCount);
    expect(all.identityCount).toBe(
      stream.filter(({ isDuplicate, malformed }) => !isDuplicate && malformed === null).length,
    );
  });

  it('gives the same rows forwards and backwards', () => {
    const forward = oracleOf(stream);
    const backward = oracleOf([...stream].reverse());
    const rows = [...forward.expectedOrders()];
    expect(rows.length).toBeGreaterThan(4_000);
    for (const row of rows) expect(backward.expectedOrder(row.orderId)).toEqual(row);
  });

  it('gives more than 100 wrong rows to a fold that lets the last arrival win', () => {
    const last = new Map<string, string>();
    const oracle = new Oracle({ ...topics, maxRecordBytes: MAX_RECORD_BYTES });
    for (const { record } of stream) {
      const fact = oracle.add(record);
      if (fact !== null && fact.status !== 'CREATED') last.set(fact.orderId, fact.status);
    }
    const wrong = [...last].filter(([id, status]) => oracle.expectedOrder(id)?.paymentStatus !== status);
    expect(wrong.length).toBeGreaterThan(100);
  });

  it('contains more than 20 event ids with two contents', () => {
    const contents = new Map<string, Set<string>>();
    const oracle = new Oracle({ ...topics, maxRecordBytes: MAX_RECORD_BYTES });
    for (const { record } of stream) {
      const fact = oracle.add(record);
      if (fact === null || fact.eventId === null) continue;
      const known = contents.get(fact.eventId) ?? new Set();
      contents.set(fact.eventId, known.add(identityOf(fact.eventId, fact.contentHash)));
    }
    expect([...contents.values()].filter((set) => set.size > 1).length).toBeGreaterThan(20);
  });

  it('changes a quarter of revised orders at least six times, and the oracle folds them all', () => {
    const orders = { active: 300, tell: tellRevisedStory };
    const oracle = new Oracle(topics);
    const seen = new Map<string, { state: string; changes: number }>();
    for (const { record } of workload({ ...options, malformedRate: 0, orders })) {
      const fact = oracle.add(record);
      const row = oracle.expectedOrder(fact?.orderId ?? '');
      if (row === undefined) throw new Error('The workload holds a record that is no event');
      const state = `${row.orderStatus} ${row.paymentStatus} ${row.reviewStatus}`;
      const known = seen.get(row.orderId) ?? { state: '', changes: 0 };
      const changes = known.changes + (known.state === state ? 0 : 1);
      seen.set(row.orderId, { state, changes });
    }
    const changed = [...seen.values()].filter(({ changes }) => changes >= 6);
    expect(changed.length / seen.size).toBeCloseTo(0.25, 1);
  });

  it('gives every order an id of its own, of at most 255 bytes', () => {
    const ids = Array.from({ length: 5_000 }, (_, number) => orderIdOf(number));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(Buffer.byteLength(id)).toBeLessThanOrEqual(255);
    expect(ids).toContain('__proto__');
  });
});
