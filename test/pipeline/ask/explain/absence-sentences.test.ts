import { describe, expect, it } from 'vitest';
import { goesOnAt } from '../../../../src/core/halts.ts';
import type { Absence } from '../../../../src/pipeline/ask/explain/absence.ts';
import { absenceSentences, noneRefused } from '../../../../src/pipeline/ask/explain/absence-sentences.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const TOPIC = 'order_events';

function sentencesOf(absence: Partial<Absence>): string[] {
  const none: Absence = {
    halts: [],
    pauses: [],
    leftOut: [],
    refused: { records: [], isMore: false, lookMax: 5_000 },
  };
  return absenceSentences({ ...none, noun: 'order', whyNot: null, nowMs: NOW_MS, ...absence });
}

const many = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

const halt = (partition: number, more: object = {}) => ({
  topic: TOPIC,
  partition,
  nextOffset: 3n,
  haltReason: `offset_out_of_range: gone. ${goesOnAt(7n)}`,
  startOffset: null,
  waiting: null,
  ...more,
});

const pause = (part: Absence['pauses'][number]['hold']['part']) => ({
  hold: { part, heldBy: 'ana', reason: 'a test', heldAtMs: NOW_MS },
  waiting: 1,
});

const leftOut = (fromOffset: bigint, toOffset: bigint) => ({
  topic: TOPIC,
  partition: 0,
  fromOffset,
  toOffset,
  haltReason: null,
  decidedBy: 'ana',
  reason: 'a test',
  decidedAtMs: NOW_MS,
});

const refusedRecords = (count: number) => ({
  records: many(count, (index) => ({
    topic: TOPIC,
    partition: 0,
    offset: BigInt(index),
    reason: 'json_invalid',
  })),
  isMore: false,
  lookMax: 5_000,
});

describe('the sentences about what may be missing', () => {
  it.each([
    ['5', 5, []],
    ['6', 6, ['1 more partitions are halted: see order-sync partitions.']],
    ['8', 8, ['3 more partitions are halted: see order-sync partitions.']],
  ])('%s halted partitions have five sentences, and one for the others', (_, count, more) => {
    const sentences = sentencesOf({ halts: many(count, (index) => halt(index)) });
    expect(sentences).toHaveLength(5 + more.length);
    expect(sentences.slice(5)).toEqual(more);
  });

  it('count the pauses and the decisions beyond five in the same way', () => {
    const pauses = many(6, (partition) => pause({ kind: 'partition', topic: TOPIC, partition }));
    const decisions = many(7, () => leftOut(1n, 3n));
    expect(sentencesOf({ pauses })[5]).toBe('1 more parts are on hold: see order-sync holds.');
    expect(sentencesOf({ leftOut: decisions })[5]).toBe(
      '2 more decisions left out offsets: see order-sync audit.',
    );
  });

  it('name the offset at which a halted partition goes on, and the start of the log behind its checkpoint', () => {
    const [sentence] = sentencesOf({ halts: [halt(2, { startOffset: 7n, waiting: 1 })] });
    expect(sentence).toContain('order_events/2 is halted at offset 3');
    expect(sentence).toContain(
      '; the log starts at 7: events of this order may be among the record that waits there.',
    );
    expect(sentence).toContain('order-sync resume order_events/2 --at 7 ');
    const [whole] = sentencesOf({ halts: [halt(2, { startOffset: 3n, waiting: 0 })] });
    expect(whole).not.toContain('the log starts');
    expect(whole).toContain('no record waits there');
  });

  it.each([
    [{ kind: 'ingest' } as const, 'unpause --reason'],
    [{ kind: 'topic', topic: TOPIC } as const, 'unpause --topic order_events --reason'],
    [
      { kind: 'partition', topic: TOPIC, partition: 3 } as const,
      'unpause --topic order_events --partition 3 --reason',
    ],
    [{ kind: 'target', target: 'crm' } as const, 'unpause --target crm --reason'],
  ])('name the command that ends the pause of %j', (part, command) => {
    expect(sentencesOf({ pauses: [pause(part)] })[0]).toContain(`Run order-sync ${command}`);
  });

  it('name the offsets that were left out, the last one included', () => {
    const words = (from: bigint, to: bigint) => sentencesOf({ leftOut: [leftOut(from, to)] })[0];
    expect(words(4n, 5n)).toMatch(/^Offset 4 of order_events\/0 was left out .* may have been there\.$/);
    expect(words(4n, 6n)).toMatch(/^Offsets 4 to 5 of order_events\/0 were left out .* among them\.$/);
  });

  it.each([
    [1, '1 refused record has the id of this order as the key'],
    [5, '5 refused records have the id of this order as the key'],
    [6, 'More than 5 refused records have the id of this order as the key'],
  ])('of %i refused records the beginning is "%s"', (count, beginning) => {
    const [sentence = ''] = sentencesOf({ refused: refusedRecords(count) });
    expect(sentence.slice(0, beginning.length)).toBe(beginning);
    expect(sentence.match(/\(json_invalid\)/g)).toHaveLength(Math.min(count, 5));
    expect(sentence).toContain('See order-sync quarantine show order_events/0/0.');
  });
});

describe('noneRefused', () => {
  it('says among how many records it looked if there are others', () => {
    const looked = (isMore: boolean) => noneRefused({ refused: { records: [], isMore, lookMax: 5_000 } });
    expect(looked(false)).toBe('No refused record has its id as the key.');
    expect(looked(true)).toContain('among the first 5000 of each topic');
  });
});
