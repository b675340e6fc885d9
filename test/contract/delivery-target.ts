import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, DeliveryOutcome, DeliveryTarget } from '../../src/ports/delivery-target.ts';
import { outcomesOf } from './outcomes.ts';

/** Behaviours of the system at the other end. */
export type TargetBehaviour =
  | 'accepts'
  | 'fails'
  | 'throttles_for_7_seconds'
  | 'refuses'
  | 'does_not_know_the_sender'
  | 'has_no_such_place'
  | 'wants_no_more'
  | 'redirects'
  | 'hangs'
  | 'drips'
  | 'accepts_with_an_endless_answer'
  | 'closes_after_reading'
  | 'is_not_there';

export interface TargetUnderTest {
  readonly target: DeliveryTarget;
  /** Everything that has arrived at the other end so far, whatever it answered. */
  received(): readonly ReceivedState[];
  /** Resolves when something has arrived at the other end. */
  arrival(): Promise<void>;
  cleanup(): Promise<void>;
}

export interface ReceivedState {
  readonly deliveryId: string;
  readonly body: unknown;
}

export interface DeliveryTargetHarness {
  open(behaviour: TargetBehaviour, options: { deadlineMs: number }): Promise<TargetUnderTest>;
  /** Behaviours that such a target cannot show, each with the reason. */
  readonly cannot: Readonly<Partial<Record<TargetBehaviour, string>>>;
  /** The reason why its calls have no deadline, if so; a call that is cut off leaves the outcome `unknown`. */
  readonly endsLate?: string;
}

/** The deadline where an answer is expected: long enough for a loaded machine, and no test waits for all of it. */
const PATIENT_MS = 30_000;
const SHORT_MS = 150;

export function newDelivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    deliveryId: 'msg_contract-1',
    entityId: 'order-1',
    version: 3,
    body: { order_id: 'order-1', order_status: 'CREATED', ready_to_send: true, version: 3 },
    attempt: 1,
    ...changes,
  };
}

/** A target that is given one state at a time. */
export interface SingleTarget extends Pick<DeliveryTarget, 'close'> {
  deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryOutcome>;
}

export function singly(target: DeliveryTarget): SingleTarget {
  return {
    async deliver(delivery, signal) {
      const outcomes = await outcomesOf(target, [delivery], signal);
      expect(outcomes).toHaveLength(1);
      return outcomes[0] as DeliveryOutcome;
    },
    close: () => target.close(),
  };
}

/** The promises of `src/ports/delivery-target.ts`, each as a test that every adapter passes. */
export function describeDeliveryTarget(name: string, harness: DeliveryTargetHarness): void {
  describe(`delivery target: ${name}`, () => {
    const opened: TargetUnderTest[] = [];
    const never = new AbortController().signal;

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.cleanup()));
    });

    async function open(behaviour: TargetBehaviour, deadlineMs = PATIENT_MS) {
      const each = await harness.open(behaviour, { deadlineMs });
      opened.push(each);
      return { ...each, target: singly(each.target), many: each.target };
    }

    const three = ['a', 'b', 'c'].map((name) =>
      newDelivery({ deliveryId: `msg_${name}`, entityId: name, body: { order_id: name, version: 3 } }),
    );

    /** A test of one behaviour; the reason for leaving it out is in its name. */
    function itIf(behaviour: TargetBehaviour, sentence: string, run: () => Promise<void>): void {
      const reason = harness.cannot[behaviour];
      if (reason === undefined) it(sentence, run);
      else it.skip(`${sentence} (left out: ${reason})`, run);
    }

    it('the outcome is delivered once the other end has the state, with its id and every column', async () => {
      const { target, received } = await open('accepts');
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'delivered', error: null, retryAfterMs: null });
      expect(outcome.latencyMs).toBeGreaterThanOrEqual(0);
      expect(received()).toEqual([{ deliveryId: 'msg_contract-1', body: newDelivery().body }]);
    });

    it('a later attempt sends the same id and the same body', async () => {
      const { target, received } = await open('accepts');
      await target.deliver(newDelivery(), never);
      await target.deliver(newDelivery({ attempt: 2 }), never);
      const [first, second] = received();
      expect(second).toEqual(first);
    });

    it('200 states at once are each delivered once', async () => {
      const { target, received } = await open('accepts');
      const ids = Array.from({ length: 200 }, (_, index) => `msg_many-${index}`);
      const outcomes = await Promise.all(
        ids.map((deliveryId) => target.deliver(newDelivery({ deliveryId }), never)),
      );
      expect(new Set(outcomes.map(({ verdict }) => verdict))).toEqual(new Set(['delivered']));
      const arrived = received().map(({ deliveryId }) => deliveryId);
      expect(arrived.sort()).toEqual([...ids].sort());
    });

    it('each of three states in one call has its outcome, in their sequence, and is sent once', async () => {
      const { many, received } = await open('accepts');
      expect(many.maxDeliveryBatch).toBeGreaterThanOrEqual(1);
      const outcomes = await outcomesOf(many, three, never);
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered', 'delivered']);
      const byId = (left: ReceivedState, right: ReceivedState) =>
        left.deliveryId < right.deliveryId ? -1 : 1;
      expect([...received()].sort(byId)).toEqual(three.map(({ deliveryId, body }) => ({ deliveryId, body })));
    });

    it('a call without states has no outcomes and sends nothing', async () => {
      const { many, received } = await open('accepts');
      expect(await outcomesOf(many, [], never)).toEqual([]);
      expect(received()).toEqual([]);
    });

    itIf('fails', 'the verdict is retry for each of several states if the other end fails', async () => {
      const { many } = await open('fails');
      const outcomes = await outcomesOf(many, three, never);
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(['retry', 'retry', 'retry']);
    });

    it('ids and texts of any script arrive unchanged', async () => {
      const { target, received } = await open('accepts');
      const texts = [
        'a/b c',
        '..',
        '🛒',
        '__proto__',
        'e\u0301',
        '\u202eabc',
        'line\nend',
        '"quoted\\"',
        '\0',
      ];
      for (const text of texts) {
        const delivery = newDelivery({ entityId: text, body: { order_id: text, version: 1 } });
        expect(await target.deliver(delivery, never)).toMatchObject({ verdict: 'delivered' });
      }
      expect(received().map(({ body }) => (body as { order_id: string }).order_id)).toEqual(texts);
    });

    itIf('fails', 'the verdict is retry if the other end fails', async () => {
      const { target } = await open('fails');
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'retry', error: expect.any(String) });
    });

    itIf(
      'throttles_for_7_seconds',
      'the verdict is throttle, with the time that the other end asks for',
      async () => {
        const { target } = await open('throttles_for_7_seconds');
        const outcome = await target.deliver(newDelivery(), never);
        expect(outcome).toMatchObject({
          verdict: 'throttle',
          retryAfterMs: 7_000,
          error: expect.any(String),
        });
      },
    );

    itIf(
      'refuses',
      'the verdict is park if the state is refused as it is, and the answer is kept',
      async () => {
        const { target } = await open('refuses');
        const outcome = await target.deliver(newDelivery(), never);
        expect(outcome).toMatchObject({ verdict: 'park', error: expect.any(String) });
        expect(outcome.answer).toContain('refused');
      },
    );

    for (const behaviour of ['does_not_know_the_sender', 'has_no_such_place'] as const) {
      itIf(
        behaviour,
        `the outcome is retry when the other end ${behaviour.replaceAll('_', ' ')}`,
        async () => {
          const { target } = await open(behaviour);
          const outcome = await target.deliver(newDelivery(), never);
          expect(outcome).toMatchObject({ verdict: 'retry', error: expect.any(String) });
          expect(outcome.advice).toEqual(expect.any(String));
        },
      );
    }

    itIf('wants_no_more', 'the verdict is disable if the other end wants no more deliveries', async () => {
      const { target } = await open('wants_no_more');
      expect(await target.deliver(newDelivery(), never)).toMatchObject({ verdict: 'disable' });
    });

    itIf('redirects', 'a redirect is not followed', async () => {
      const { target, received } = await open('redirects');
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome.verdict).toBe('retry');
      expect(received()).toHaveLength(1);
    });

    const itEnds = harness.endsLate === undefined ? it : it.skip;
    const whyNot = harness.endsLate === undefined ? '' : ` (left out: ${harness.endsLate})`;
    itEnds(`a call without an answer ends at the deadline${whyNot}`, async () => {
      const { target } = await open('hangs', SHORT_MS);
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'retry', status: null, error: expect.any(String) });
    });

    itIf('drips', 'a call whose answer comes byte by byte ends at the deadline', async () => {
      const { target } = await open('drips', SHORT_MS * 4);
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'retry', error: expect.any(String) });
    });

    itIf('accepts_with_an_endless_answer', 'an endless answer is read only up to a limit', async () => {
      const { target } = await open('accepts_with_an_endless_answer');
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'delivered', error: null });
      expect(Buffer.byteLength(outcome.answer)).toBeLessThanOrEqual(1_024);
    });

    itIf(
      'closes_after_reading',
      'the verdict is retry if the connection ends without an answer',
      async () => {
        const { target, received } = await open('closes_after_reading');
        const outcome = await target.deliver(newDelivery(), never);
        expect(outcome).toMatchObject({ verdict: 'retry', status: null, error: expect.any(String) });
        expect(received(), 'sent again without being asked').toHaveLength(1);
      },
    );

    itIf('is_not_there', 'the verdict is retry if nobody listens', async () => {
      const { target } = await open('is_not_there');
      const outcome = await target.deliver(newDelivery(), never);
      expect(outcome).toMatchObject({ verdict: 'retry', status: null, error: expect.any(String) });
    });

    itIf(
      'hangs',
      'a call ends soon after the signal aborts, with an outcome that is not called certain',
      async () => {
        const { target, arrival } = await open('hangs');
        const stopping = new AbortController();
        const delivering = target.deliver(newDelivery(), stopping.signal);
        await arrival();
        stopping.abort();
        const verdict = harness.endsLate === undefined ? 'retry' : 'unknown';
        expect(await delivering).toMatchObject({ verdict, status: null, error: expect.any(String) });
      },
    );

    it('nothing is sent when the signal has aborted before', async () => {
      const { target, received } = await open('accepts');
      const outcome = await target.deliver(newDelivery(), AbortSignal.abort());
      expect(outcome.verdict).toBe('retry');
      await target.close();
      expect(received()).toEqual([]);
    });

    it('a target that is closed finishes what is under way, and can be closed twice', async () => {
      const { target, received } = await open('accepts');
      const delivering = target.deliver(newDelivery(), never);
      await Promise.all([target.close(), target.close()]);
      expect(await delivering).toMatchObject({ verdict: 'delivered' });
      expect(received()).toHaveLength(1);
      await target.close();
    });

    it('a delivery to a closed target has the outcome retry', async () => {
      const { target, received } = await open('accepts');
      await target.close();
      expect(await target.deliver(newDelivery(), never)).toMatchObject({ verdict: 'retry', status: null });
      expect(received()).toEqual([]);
    });

    it('the delivery after one that failed is delivered', async () => {
      const { target } = await open('accepts');
      const stopped = target.deliver(newDelivery(), AbortSignal.abort());
      const next = target.deliver(newDelivery({ deliveryId: 'msg_contract-2' }), never);
      expect((await stopped).verdict).toBe('retry');
      expect((await next).verdict).toBe('delivered');
    });
  });
}
