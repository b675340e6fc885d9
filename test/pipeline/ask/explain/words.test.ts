import { describe, expect, it } from 'vitest';
import type { Absence } from '../../../../src/pipeline/ask/explain/absence.ts';
import { absenceSentences, noneRefused } from '../../../../src/pipeline/ask/explain/absence-sentences.ts';
import {
  type MarkedAttempt,
  outcomeWord,
  redriveOf,
  runsOf,
} from '../../../../src/pipeline/ask/explain/attempts.ts';
import {
  type DeliveryFacts,
  deliverySentences,
} from '../../../../src/pipeline/ask/explain/delivery-sentences.ts';
import { readinessOf, readinessSentence } from '../../../../src/pipeline/ask/explain/readiness.ts';
import { type Facts, sentencesOf } from '../../../../src/pipeline/ask/explain/sentences.ts';
import { momentWords } from '../../../../src/pipeline/ask/explain/words.ts';
import { nounOf } from '../../../../src/pipeline/ask/parts.ts';
import type { Job } from '../../../../src/ports/jobs.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 12);
const TOPIC = 'order_events';
const NONE: Absence = {
  halts: [],
  pauses: [],
  leftOut: [],
  refused: { records: [], isMore: false, lookMax: 5_000 },
};

const absent = (more: object) =>
  absenceSentences({ ...NONE, noun: 'order', whyNot: null, nowMs: NOW_MS, ...more });

describe('the words for a moment', () => {
  it.each([
    [Date.UTC(2026, 0, 2, 9, 8, 7, 999), '09:08:07Z'],
    [Date.UTC(2026, 0, 2), '00:00:00Z'],
    [Date.UTC(2026, 0, 1, 23, 59, 59), '2026-01-01T23:59:59Z'],
    [Date.UTC(2025, 0, 2, 9), '2025-01-02T09:00:00Z'],
  ])('include the day only if it is another one: %i', (ms, words) => {
    expect(momentWords(ms, NOW_MS)).toBe(words);
  });
});

describe('the whole sentence', () => {
  const halt = (more: object) => ({
    topic: TOPIC,
    partition: 2,
    nextOffset: 3n,
    haltReason: 'record_too_large: It is large.',
    startOffset: null,
    waiting: null,
    ...more,
  });

  it.each<[object, string]>([
    [{}, ': events of this order may be among the records that wait there'],
    [{ waiting: 0 }, ': no record waits there'],
    [{ waiting: 1 }, ': events of this order may be among the record that waits there'],
    [{ waiting: 2 }, ': events of this order may be among the 2 records that wait there'],
    [{ startOffset: 4n, waiting: 0 }, '; the log starts at 4: no record waits there'],
    [{ startOffset: 3n, waiting: 0 }, ': no record waits there'],
    [{ startOffset: 2n, waiting: 0 }, ': no record waits there'],
  ])('tells of a halted partition: %#', (more, middle) => {
    expect(absent({ halts: [halt(more)] })).toEqual([
      `order_events/2 is halted at offset 3 (record_too_large)${middle}. Run order-sync resume order_events/2 --at earliest --reason "..." to let it go on; order-sync partitions shows what it would leave out.`,
    ]);
  });

  it.each<[object, string]>([
    [{ kind: 'target', target: 'crm' }, 'nothing is sent to it. Run order-sync unpause --target crm'],
    [{ kind: 'topic', topic: TOPIC }, 'no record waits there. Run order-sync unpause --topic order_events'],
    [{ kind: 'ingest' }, 'no record waits there. Run order-sync unpause'],
  ])('tells of a pause: %j', (part, end) => {
    const hold = { part, heldBy: 'ana', reason: 'a test', heldAtMs: NOW_MS };
    const [sentence = ''] = absent({ pauses: [{ hold, waiting: 0 }] });
    expect(sentence.slice(0, 1)).toMatch(/[A-Z]/);
    expect(sentence).toMatch(/ is on hold since 12:00:00Z by "ana" \("a test"\): /);
    expect(sentence.slice(sentence.indexOf(': ', 40) + 2)).toBe(`${end} --reason "..." to let it go on.`);
  });

  it.each<[bigint, bigint, object | null, string]>([
    [
      4n,
      5n,
      null,
      'Offset 4 of order_events/0 was left out at 12:00:00Z by "ana" ("a test"): events of this order may have been there.',
    ],
    [
      4n,
      6n,
      { waitsFor: null },
      'Offsets 4 to 5 of order_events/0 were left out at 12:00:00Z by "ana" ("a test"): events of this order may have been among them.',
    ],
    [
      4n,
      7n,
      { waitsFor: 'payment' },
      'Offsets 4 to 6 of order_events/0 were left out at 12:00:00Z by "ana" ("a test"): the event that is missing may have been among them.',
    ],
  ])('tells of offsets that were left out: %i to %i, %j', (fromOffset, toOffset, whyNot, sentence) => {
    const decision = { topic: TOPIC, partition: 0, fromOffset, toOffset, haltReason: null, decidedBy: 'ana' };
    const leftOut = [{ ...decision, reason: 'a test', decidedAtMs: NOW_MS }];
    expect(absent({ leftOut, whyNot })).toEqual([sentence]);
  });

  it('tells of refused records, with the place and the reason of each', () => {
    const records = [1, 2].map((offset) => ({
      topic: TOPIC,
      partition: 0,
      offset: BigInt(offset),
      reason: 'nul_byte',
    }));
    expect(absent({ refused: { ...NONE.refused, records } })).toEqual([
      '2 refused records have the id of this order as the key: order_events/0/1 (nul_byte), order_events/0/2 (nul_byte). See order-sync quarantine show order_events/0/1.',
    ]);
    expect(noneRefused({ refused: { records: [], isMore: true, lookMax: 7 } })).toBe(
      'No refused record has its id as the key, among the first 7 of each topic: see order-sync quarantine for the others.',
    );
  });

  it('shows a reason of an operator up to 200 characters', () => {
    const hold = { part: { kind: 'ingest' }, heldBy: 'ana', reason: 'x'.repeat(300), heldAtMs: NOW_MS };
    const [sentence = ''] = absent({ pauses: [{ hold, waiting: 1 }] });
    expect(sentence).toContain(`"${'x'.repeat(100)}`);
    expect(sentence).not.toContain('x'.repeat(201));
  });
});

describe('the sentences about an order', () => {
  const facts: Facts = {
    noun: 'order',
    entityId: 'a',
    version: 2,
    parked: null,
    unfoldable: null,
    rowDiffers: false,
    hasStrayRow: false,
    maxEvents: null,
    isReady: false,
    whyNot: null,
    since: null,
    waitsForRebuild: false,
    deliveries: [],
    targets: [],
    ...NONE,
    nowMs: NOW_MS,
  };
  const said = (more: object) => sentencesOf({ ...facts, ...more });
  const LAST = 'Last sent: never.';

  it('stand in the sequence in which people ask', () => {
    const refused = {
      ...NONE.refused,
      records: [{ topic: TOPIC, partition: 0, offset: 1n, reason: 'nul_byte' }],
    };
    const REFUSED = absent({ refused })[0];
    expect(said({ maxEvents: 1, rowDiffers: true, waitsForRebuild: true, refused })).toEqual([
      'Not ready.',
      'It has 2 events, more than the 1 that are folded here: what is said above is what its row says, and only its last events are shown.',
      'Its row in the view differs from its journal: somebody has altered it, and order-sync will make it again.',
      'Rows and deliveries wait for a rebuild ("order-sync rebuild"): until then its events are journaled, its row stays as it is, and nothing of it becomes due.',
      LAST,
      REFUSED,
    ]);
    expect(said({ version: 0, refused, hasStrayRow: true })).toEqual([
      'Unknown: the journal has no event of this order.',
      'There is a row in the view, which this program has not made from events.',
      REFUSED,
    ]);
  });

  it('tell of an order that cannot be folded', () => {
    const fault = { reason: 'fold_failed', detail: 'It throws.' };
    expect(said({ unfoldable: fault })).toEqual([
      'Its events cannot be folded by this program (fold_failed): It throws. What is said here is what its row says.',
      'Not ready.',
      LAST,
    ]);
    expect(said({ parked: { entityId: 'a', ...fault, parkedAtMs: NOW_MS } })).toEqual([
      'Parked since 12:00:00Z, because it cannot be folded (fold_failed): It throws. Its events are journaled, but its row and its deliveries stand still. Once the program understands it, run order-sync unpark "a" --reason "..." to let it go on.',
      LAST,
    ]);
  });
});

describe('whether an order is ready', () => {
  const columns = [{ name: 'id' }, { name: 'ready' }, { name: 'paid' }] as never;
  const known = (version: number, topic = TOPIC) =>
    ({ version, topic, occurredAtMs: NOW_MS, observedAtMs: NOW_MS - 1_000 }) as never;
  const events = [known(1), known(2)];
  const deciders = [known(1), known(2), known(3)];
  const whyNotReady = () => ({
    because: 'no payment',
    missing: 'pay it',
    waitsFor: 'payment',
    column: 'paid',
  });
  const of = (more: object, view: object = {}) =>
    readinessOf({ columns, readyColumn: 'ready', whyNotReady, ...view }, {
      row: [],
      isReady: false,
      deciders,
      events,
      ...more,
    } as never);

  it('depends on the event of its column', () => {
    expect(of({ isReady: true })).toEqual({ isReady: true, whyNot: null, since: known(2) });
    expect(of({ isReady: true }, { readyColumn: undefined }).since).toBeNull();
    expect(of({}).since).toEqual(known(3));
    expect(of({}).whyNot).toEqual(whyNotReady());
    expect(of({}, { whyNotReady: () => ({ ...whyNotReady(), column: null }) }).since).toEqual(known(1));
    expect(of({ events: [] }, { whyNotReady: () => ({ ...whyNotReady(), column: null }) }).since).toBeNull();
    expect(of({}, { whyNotReady: () => null })).toEqual({ isReady: false, whyNot: null, since: null });
    expect(of({}, { whyNotReady: undefined })).toEqual({ isReady: false, whyNot: null, since: null });
  });

  it('stays open without a row, and without all of its events', () => {
    expect(of({ row: null })).toEqual({ isReady: false, whyNot: null, since: null });
    expect(of({ deciders: null })).toEqual({ isReady: false, whyNot: whyNotReady(), since: null });
    expect(of({ deciders: [null, null, null], isReady: true }).since).toBeNull();
  });

  it('makes one sentence', () => {
    const words = (more: object) =>
      readinessSentence({ isReady: false, whyNot: null, since: null, ...more } as never, NOW_MS);
    expect(words({ isReady: true })).toBe('Ready.');
    expect(words({ isReady: true, since: known(1) })).toBe('Ready since 12:00:00Z.');
    expect(words({})).toBe('Not ready.');
    expect(words({ whyNot: whyNotReady() })).toBe('Not ready: no payment; pay it.');
    expect(words({ whyNot: whyNotReady(), since: known(1) })).toBe(
      'Not ready: no payment since 12:00:00Z; pay it.',
    );
    expect(words({ isReady: true, since: known(1, '') })).toBe(
      'Ready since before the table was taken over at 11:59:59Z.',
    );
  });

  it('concerns an entity where the domain has no noun', () => {
    expect([nounOf({}), nounOf({ noun: 'order' })]).toEqual(['entity', 'order']);
  });
});

describe('the sentence about a delivery', () => {
  const at = (time: string) => Date.parse(`2026-01-02T${time}Z`);
  const attempt = (more: object = {}) => ({
    version: 2,
    attempt: 3,
    attemptedAtMs: at('11:00:00'),
    verdict: 'retry',
    status: 503,
    latencyMs: 12.5,
    answer: '',
    error: null,
    ...more,
  });
  const said = (more: object) =>
    deliverySentences({
      isReady: true,
      waitsForRebuild: false,
      deliveries: [
        {
          target: 'crm',
          entityId: 'a',
          status: 'pending',
          dueVersion: 2,
          deliveredVersion: null,
          nextAttemptAtMs: null,
          dueSinceMs: at('10:00:00'),
          lastStatus: null,
          lastError: null,
          lastAnswer: null,
          attemptLog: [],
          ...more,
        },
      ],
      targets: ['crm'],
      nowMs: NOW_MS,
    } as unknown as DeliveryFacts).join(' ');

  it.each<[object, string]>([
    [
      {},
      'Nothing was ever delivered to crm; version 2 is due since 10:00:00Z, and has not been answered yet; the next attempt is due now.',
    ],
    [
      { nextAttemptAtMs: NOW_MS + 1_000, attemptLog: [attempt()] },
      'Nothing was ever delivered to crm; version 2 is due since 10:00:00Z, and is being tried: attempt 3 at 11:00:00Z was answered 503 after 13 ms; the next attempt comes at 12:00:01Z, or one is under way until then.',
    ],
    [
      { attemptLog: [attempt({ status: null, error: 'cut', answer: 'late' })] },
      'Nothing was ever delivered to crm; version 2 is due since 10:00:00Z, and is being tried: attempt 3 at 11:00:00Z had no answer after 13 ms ("cut", saying "late"); the next attempt is due now.',
    ],
    [
      {
        status: 'delivered',
        deliveredVersion: 2,
        attemptLog: [attempt({ verdict: 'delivered', status: null })],
      },
      'Version 2 was delivered to crm at 11:00:00Z.',
    ],
    [
      { status: 'delivered', deliveredVersion: 1, attemptLog: [attempt({ verdict: 'delivered' })] },
      'Version 1 counts as delivered to crm, and the attempts that are shown do not have it.',
    ],
    [
      { status: 'dead', lastStatus: 422 },
      'Nothing was ever delivered to crm; version 2 is dead and is not tried again: the last answer was 422. First mend the cause at the target, then run order-sync redrive --target crm --order "a" to make it due again.',
    ],
    [
      { status: 'dead', lastError: 'cut', lastAnswer: ' ' },
      'Nothing was ever delivered to crm; version 2 is dead and is not tried again: the last attempt failed ("cut"). First mend the cause at the target, then run order-sync redrive --target crm --order "a" to make it due again.',
    ],
  ])('says the whole: %#', (more, sentence) => {
    expect(said(more)).toBe(sentence);
  });
});

describe('attempts in a row', () => {
  const attempt = (more: Partial<MarkedAttempt> = {}): MarkedAttempt =>
    ({
      version: 1,
      verdict: 'retry',
      status: 503,
      error: null,
      answer: '',
      attempt: 1,
      isCounted: true,
      ...more,
    }) as MarkedAttempt;
  const lengths = (...attempts: readonly MarkedAttempt[]) =>
    runsOf({ attempts, restarts: [] }).map(({ times, notCounted }) => [times, notCounted]);

  it.each<Partial<MarkedAttempt>>([
    { version: 2 },
    { verdict: 'park' },
    { status: 500 },
    { error: 'cut' },
    { answer: 'no' },
  ])('end where this differs: %j', (more) => {
    expect(lengths(attempt(), attempt())).toEqual([[2, 0]]);
    expect(lengths(attempt(), attempt(more), attempt(more))).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it('tell how many of them do not count', () => {
    expect(lengths(attempt({ isCounted: false }), attempt({ isCounted: false }), attempt())).toEqual([
      [3, 2],
    ]);
    expect(lengths()).toEqual([]);
  });

  it('name their outcome in a word', () => {
    const words = [
      'delivered',
      'retry',
      'throttle',
      'park',
      'disable',
      'unsent',
      'unknown',
      'disowned',
    ] as const;
    expect(words.map(outcomeWord)).toEqual([
      'delivered',
      'failed',
      'told to wait',
      'refused',
      'told to stop',
      'not sent',
      'unknown',
      'not sent',
    ]);
  });
});

describe('the redrive of a delivery', () => {
  const job = (more: object = {}) =>
    ({
      kind: 'redrive',
      isDryRun: false,
      parameters: null,
      createdAtMs: 100,
      updatedAtMs: 200,
      ...more,
    }) as unknown as Job;
  const found = (jobs: readonly Job[], afterMs: number, beforeMs: number | null) =>
    redriveOf({ target: 'crm', entityId: 'a' } as never, { laterAttempts: 0, afterMs, beforeMs }, jobs);

  it('worked at a moment between the attempts', () => {
    const one = job();
    expect(found([one], 200, 300)).toBe(one);
    expect(found([one], 201, 300)).toBeNull();
    expect(found([one], 0, 100)).toBe(one);
    expect(found([one], 0, 99)).toBeNull();
    expect(found([one], 0, null)).toBe(one);
    expect(found([], 0, null)).toBeNull();
  });

  it('comes first of those that could be meant', () => {
    const [newer, older] = [job({ createdAtMs: 150 }), job()];
    expect(found([newer, older], 0, null)).toBe(newer);
    expect(found([job({ parameters: { filter: { entityId: 'b' } } }), older], 0, null)).toBe(older);
  });
});
