import { describe, expect, it } from 'vitest';
import {
  type DeliveryFacts,
  deliverySentences,
  saidBy,
} from '../../../../src/pipeline/ask/explain/delivery-sentences.ts';
import type { ExplainedDelivery } from '../../../../src/pipeline/ask/explain.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const at = (time: string) => Date.parse(`2026-01-01T${time}Z`);

type Attempt = ExplainedDelivery['attemptLog'][number];

function attempt(version: number, more: Partial<Attempt> = {}): Attempt {
  return {
    version,
    attempt: 1,
    attemptedAtMs: at('11:00:00'),
    deliveryId: 'msg_1',
    verdict: 'delivered',
    status: 200,
    latencyMs: 12.4,
    answer: '',
    error: null,
    restart: null,
    ...more,
  } as Attempt;
}

const refused = (version: number, more: Partial<Attempt> = {}) =>
  attempt(version, { verdict: 'retry', status: 503, ...more });

function delivery(more: Partial<ExplainedDelivery> = {}): ExplainedDelivery {
  return {
    target: 'crm',
    entityId: 'a',
    status: 'pending',
    dueVersion: 2,
    deliveredVersion: null,
    attempts: 0,
    nextAttemptAtMs: null,
    dueSinceMs: at('10:00:00'),
    lastStatus: null,
    lastError: null,
    lastAnswer: null,
    restarts: [],
    attemptLog: [],
    ...more,
  } as ExplainedDelivery;
}

function sentencesOf(one: Partial<ExplainedDelivery>): string {
  return said({ deliveries: [delivery(one)], targets: ['crm'] });
}

function said(facts: Partial<DeliveryFacts>): string {
  return deliverySentences({
    isReady: true,
    waitsForRebuild: false,
    deliveries: [],
    targets: [],
    nowMs: NOW_MS,
    ...facts,
  }).join(' ');
}

describe('the sentence about a delivery that is due', () => {
  it('says that the delivered version is due again, and of a newer one only that it is due', () => {
    const delivered = { deliveredVersion: 2, attemptLog: [attempt(2)] };
    expect(sentencesOf({ ...delivered, dueVersion: 2 })).toContain(
      '; version 2 is due again since 10:00:00Z',
    );
    expect(sentencesOf({ ...delivered, dueVersion: 3 })).toContain('; version 3 is due since 10:00:00Z');
  });

  it('tells of the attempts of the version that is due, and not of older ones', () => {
    const old = refused(1, { status: 500 });
    expect(sentencesOf({ attemptLog: [old] })).toContain('and has not been answered yet');
    expect(sentencesOf({ attemptLog: [refused(2), old] })).toContain(
      'and is being tried: attempt 1 at 11:00:00Z was answered 503 after 12 ms;',
    );
  });

  it('names the moment of the next attempt while that moment lies ahead', () => {
    const waiting = (nextAttemptAtMs: number | null) => sentencesOf({ nextAttemptAtMs });
    expect(waiting(NOW_MS + 1)).toContain('the next attempt comes at 12:00:00Z');
    for (const past of [null, NOW_MS, at('11:59:00')])
      expect(waiting(past)).toContain('the next attempt is due now.');
  });

  it('says of an attempt without an answer what went wrong', () => {
    const attemptLog = [refused(2, { status: null, error: 'the connection was cut' })];
    expect(sentencesOf({ attemptLog })).toContain('had no answer after 12 ms ("the connection was cut");');
  });
});

describe('the sentence about a delivered version', () => {
  it('takes its time and status from the attempt that delivered it, not from one that failed', () => {
    const attemptLog = [refused(2, { attemptedAtMs: at('11:30:00') }), attempt(2, { status: 201 })];
    expect(sentencesOf({ status: 'delivered', deliveredVersion: 2, attemptLog })).toBe(
      'Version 2 was delivered to crm at 11:00:00Z, which answered 201.',
    );
  });

  it('says that the attempts that are shown do not have it', () => {
    expect(sentencesOf({ status: 'delivered', deliveredVersion: 2, attemptLog: [refused(2)] })).toBe(
      'Version 2 counts as delivered to crm, and the attempts that are shown do not have it.',
    );
  });
});

describe('the sentence about a dead delivery', () => {
  it("names the last attempt, the target's answer, and the command that makes it due again", () => {
    const attemptLog = [refused(2, { verdict: 'park', status: 422, answer: ' no such product ' })];
    expect(sentencesOf({ status: 'dead', attemptLog })).toBe(
      'Nothing was ever delivered to crm; version 2 is dead and is not tried again: attempt 1 at 11:00:00Z was answered ' +
        '422 after 12 ms. First mend the cause at the target (it said: "no such product"), then run order-sync redrive ' +
        '--target crm --order "a" to make it due again.',
    );
  });

  it('takes status, error and answer from the ledger if no attempt of the version is shown', () => {
    const ledger = { status: 'dead', lastStatus: 410, lastError: 'gone', lastAnswer: 'closed' } as const;
    expect(sentencesOf(ledger)).toContain('the last answer was 410 ("gone")');
    expect(sentencesOf(ledger)).toContain('(it said: "closed")');
    expect(sentencesOf({ ...ledger, lastStatus: null, lastError: null })).toContain(
      'the last attempt failed.',
    );
  });
});

describe('the sentences about targets without a delivery', () => {
  it('say that nothing was sent if the entity was never ready', () => {
    expect(said({ isReady: false, targets: ['crm', 'erp'] })).toBe('Last sent: never.');
  });

  it('name each target to which a ready entity was never due, with the reason', () => {
    const reason = 'the filter of this target passes it over, or the target was added after its last change';
    const facts = {
      deliveries: [delivery({ status: 'delivered', deliveredVersion: 2 })],
      targets: ['crm', 'erp'],
    };
    expect(said(facts)).toContain(`It was never due to erp: ${reason}.`);
    expect(said(facts)).not.toContain('never due to crm');
    expect(said({ ...facts, waitsForRebuild: true })).toContain('It was never due to erp.');
    expect(said({ ...facts, isReady: false })).toContain('It was never due to erp.');
  });
});

describe('saidBy', () => {
  it.each([
    [null, '', ''],
    [null, ' ', ''],
    ['cut', '', '"cut"'],
    [null, 'busy', '"busy"'],
    ['refused', 'busy', '"refused", saying "busy"'],
  ])('makes %j and %j to %s', (error, answer, expected) => {
    expect(saidBy({ error, answer })).toBe(expected);
  });
});
