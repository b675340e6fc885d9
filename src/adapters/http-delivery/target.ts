import {
  type DeliveriesSettled,
  type Delivery,
  type DeliveryOutcome,
  type DeliveryTarget,
  defectOutcome,
} from '../../ports/delivery-target.ts';
import { Attempt, type AttemptContext } from './attempt.ts';
import { type Body, bodyMaker } from './body.ts';
import { answerLimitOf, deliveryBatchBody, deliveryBatchIdOf, outcomesOf } from './delivery-batch.ts';
import { DeliveryBatchOffer } from './delivery-batch-offer.ts';
import { type HttpTargetOptions, SETTING_NAMES } from './options.ts';
import { RequestSpans, type RequestTrace } from './request-spans.ts';
import { type Made, Sender } from './sender.ts';
import { UnderWay } from './under-way.ts';
import { parseTargetUrl } from './url.ts';
import { isAboutTheDeliveryBatch, judgeBy } from './verdict.ts';

/**
 * A target that takes states by HTTP POST, signed as Standard Webhooks defines it. A request carries one state, or a
 * delivery batch once the target has announced that it takes these.
 *
 * Connections are kept alive. Redirects are never followed. At most 64 KiB of an answer are read, and 256 bytes more for
 * each member of a delivery batch. A 2xx answer that breaks off or does not end in time counts as `retry`: the id makes
 * a second attempt harmless, and a lost state would not be harmless. Throws `setting_invalid` for options that cannot work.
 */
export function openHttpTarget(options: HttpTargetOptions): DeliveryTarget {
  return new HttpTarget(options);
}

/** After a delivery batch was refused as a whole, this many of its members are sent singly at the same time. */
const FALLBACK_CONCURRENCY = 16;
/** After this many members in a row that the target has not taken either, the other members are not sent. */
const FALLBACK_FAILURES_MAX = 16;

class HttpTarget implements DeliveryTarget {
  readonly name: string;
  readonly #sender: Sender;
  readonly #path: string;
  /** Null if the bodies are as the contract says. Else delivery batches, which the contract defines, are not used. */
  readonly #makeBody: ((delivery: Delivery) => Body) | null;
  readonly #context: AttemptContext;
  readonly #spans: RequestSpans;
  readonly #offer: DeliveryBatchOffer;
  #underWay = 0;
  /** Set by `close`. Called when no call is under way any more. */
  #onIdle: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: HttpTargetOptions) {
    const { name, clock, logger, deadlineMs = 15_000 } = options;
    const url = parseTargetUrl(options.url, name);
    this.name = name;
    this.#path = url.pathname + url.search;
    this.#spans = new RequestSpans(url, options.tracing);
    this.#offer = new DeliveryBatchOffer({ url, targetName: name, clock, logger });
    this.#makeBody = bodyMaker(options);
    this.#sender = new Sender(url, { ...options, deadlineMs });
    this.#context = {
      place: this.#sender.place,
      settingNames: { ...SETTING_NAMES, ...options.settingNames },
      clock,
      deadlineMs,
      verdictOf: judgeBy(options.verdicts),
      underWay: new UnderWay(clock, deadlineMs),
      connections: this.#sender.connections,
    };
    if (!this.#sender.isSigning) logger('debug', `Deliveries to ${name} are not signed: no secret is set.`);
  }

  get maxDeliveryBatch(): number {
    return this.#offer.maxDeliveryBatch;
  }

  deliver(deliveries: readonly Delivery[], signal: AbortSignal, settled: DeliveriesSettled): void {
    this.#underWay++;
    let hasReturned = false;
    const end = (outcomes: readonly DeliveryOutcome[]): void => {
      if (!hasReturned) {
        queueMicrotask(() => end(outcomes));
        return;
      }
      this.#ended();
      tell(settled, outcomes);
    };
    const failBy = (defect: unknown) => end(deliveries.map(() => defectOutcome(defect)));
    const [only] = deliveries;
    try {
      if (only === undefined || deliveries.length > 1)
        void this.#deliverMany(deliveries, signal).then(end, failBy);
      else this.#deliverOne(only, signal, (outcome) => end([outcome]));
    } catch (error) {
      failBy(error);
    }
    hasReturned = true;
  }

  #ended(): void {
    this.#underWay--;
    if (this.#underWay === 0) this.#onIdle?.();
  }

  /** Waits for the calls that are under way. Their deadline limits that wait. */
  close(): Promise<void> {
    this.#closed ??= this.#idle().then(() => this.#sender.close());
    return this.#closed;
  }

  #idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async #deliverMany(
    deliveries: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<readonly DeliveryOutcome[]> {
    const { clock, deadlineMs } = this.#context;
    const startsUntilMs = clock.monotonicMs() + deadlineMs;
    const outcomes: DeliveryOutcome[] = [];
    let wasTooLarge = false;
    while (outcomes.length < deliveries.length) {
      // Read for each request: a refusal changes it.
      const size = this.maxDeliveryBatch;
      const members = deliveries.slice(outcomes.length, size === 1 ? undefined : outcomes.length + size);
      const found =
        size === 1 || members.length === 1
          ? await this.#deliverSingly(members, signal, startsUntilMs)
          : await this.#deliverTogether(members, signal, startsUntilMs);
      if (found === null) wasTooLarge = true;
      else outcomes.push(...found);
    }
    if (wasTooLarge && outcomes.some(({ status }) => status === 413)) this.#offer.wasNotTooLarge();
    return outcomes;
  }

  /** `hadToken`: the target has answered 401 to a token already, so another 401 is its answer. */
  #deliverOne(
    delivery: Delivery,
    signal: AbortSignal,
    settled: (outcome: DeliveryOutcome) => void,
    hadToken = false,
  ): void {
    let trace: RequestTrace | undefined;
    let sentToken: string | null = null;
    const attempt = new Attempt(this.#context, signal, delivery, (outcome, { announcement }) => {
      trace?.end(outcome);
      if (!hadToken && this.#sender.isTokenRefused(outcome, sentToken))
        this.#deliverOne(delivery, signal, settled, true);
      else settled(this.#hear(outcome, announcement));
    });
    this.#send(attempt, (token) => {
      trace = this.#spans.begin([delivery]);
      sentToken = token;
      const made = this.#makeBody?.(delivery);
      const body = made?.text ?? JSON.stringify(delivery.body);
      return {
        path: this.#path,
        headers: this.#sender.headers(delivery.deliveryId, body, trace, token, made),
        body,
      };
    });
  }

  /** Reads what an answer says about delivery batches. A defect in that does not change the outcome of the state. */
  #hear(outcome: DeliveryOutcome, announcement: string | undefined): DeliveryOutcome {
    try {
      if (this.#makeBody === null) this.#offer.hear(announcement);
      return outcome;
    } catch (defect) {
      return { ...outcome, defect };
    }
  }

  /** Resolves with null if the delivery batch was too large: its members have to be sent in smaller ones. */
  async #deliverTogether(
    members: readonly Delivery[],
    signal: AbortSignal,
    startsUntilMs: number,
  ): Promise<DeliveryOutcome[] | null> {
    let sent = await this.#postTogether(members, signal);
    if (this.#sender.isTokenRefused(sent.outcome, sent.token))
      sent = await this.#postTogether(members, signal);
    const { outcome, attempt } = sent;
    const { status, verdict } = outcome;
    if (status === 413) {
      this.#offer.tooLarge(members.length);
      return null;
    }
    // The request could not be made, because of one of its members. Sent singly, the others are not affected.
    if (status === null && (verdict === 'park' || outcome.defect !== undefined))
      return this.#deliverSingly(members, signal, startsUntilMs);
    if (status !== null && isAboutTheDeliveryBatch(status)) {
      const outcomes = await this.#deliverSingly(members, signal, startsUntilMs);
      this.#learn(status, outcomes);
      return outcomes;
    }
    this.#offer.hear(attempt.announcement);
    if (verdict !== 'delivered') return members.map(() => outcome);
    return outcomesOf(members, attempt.body ?? Buffer.alloc(0), this.#context, outcome);
  }

  #postTogether(members: readonly Delivery[], signal: AbortSignal): Promise<SentTogether> {
    return new Promise((resolve) => {
      let trace: RequestTrace | undefined;
      let sentToken: string | null = null;
      const settled = (outcome: DeliveryOutcome, attempt: Attempt) => {
        trace?.end(outcome);
        resolve({ outcome, attempt, token: sentToken });
      };
      const attempt = new Attempt(this.#context, signal, null, settled, answerLimitOf(members.length));
      this.#send(attempt, (token) => {
        trace = this.#spans.begin(members);
        sentToken = token;
        const body = deliveryBatchBody(members);
        const headers = this.#sender.headers(deliveryBatchIdOf(members), body, trace, token);
        return { path: this.#offer.path, headers, body };
      });
    });
  }

  /**
   * Finds out from the single outcomes what the target had refused with the delivery batch. If it took every member, it
   * refuses delivery batches. The same holds if it took at least one, and its status concerns the path or the form of the
   * request (404, 415). If it took only some after 400, 409 or 422, it refused those members. If it took none, it refuses
   * everything, which says nothing about delivery batches.
   */
  #learn(status: number, outcomes: readonly DeliveryOutcome[]): void {
    const taken = outcomes.filter(({ verdict }) => verdict === 'delivered').length;
    const isOfPlaceOrForm = status !== 400 && status !== 409 && status !== 422;
    if (taken === outcomes.length || (taken > 0 && isOfPlaceOrForm)) this.#offer.refused(status);
  }

  /**
   * Sends deliveries singly, 16 at a time. After `startsUntilMs`, or after 16 failures in a row, the others get the
   * verdict `unsent`.
   */
  async #deliverSingly(
    deliveries: readonly Delivery[],
    signal: AbortSignal,
    startsUntilMs: number,
  ): Promise<DeliveryOutcome[]> {
    const { clock } = this.#context;
    const outcomes: DeliveryOutcome[] = [];
    let next = 0;
    let failuresInRow = 0;
    const sendNext = async (): Promise<void> => {
      for (let index = next++; index < deliveries.length; index = next++) {
        const delivery = deliveries[index] as Delivery;
        const isLate = clock.monotonicMs() >= startsUntilMs;
        if (isLate || failuresInRow >= FALLBACK_FAILURES_MAX) {
          outcomes[index] = isLate ? TOO_LATE : AMONG_FAILURES;
          continue;
        }
        const outcome = await new Promise<DeliveryOutcome>((resolve) =>
          this.#deliverOne(delivery, signal, resolve),
        );
        failuresInRow = outcome.verdict === 'delivered' ? 0 : failuresInRow + 1;
        outcomes[index] = outcome;
      }
    };
    await Promise.all(Array.from({ length: FALLBACK_CONCURRENCY }, sendNext));
    return outcomes;
  }

  /** `make` gets the token that the request carries; null if it carries none. */
  #send(attempt: Attempt, make: (token: string | null) => Made): void {
    if (this.#closed === null && !attempt.signal.aborted) {
      this.#sender.send(attempt, make);
      return;
    }
    const why = attempt.signal.aborted ? 'Stopped' : `The target ${this.name} is closed`;
    attempt.fail('retry', `${why}; nothing was sent.`);
  }
}

/** What became of the request with a delivery batch. */
interface SentTogether {
  readonly outcome: DeliveryOutcome;
  readonly attempt: Attempt;
  readonly token: string | null;
}

/** Calls `settled` so that undici does not take an error that it throws for one of the request. */
function tell(settled: DeliveriesSettled, outcomes: readonly DeliveryOutcome[]): void {
  try {
    settled(outcomes);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

const TOO_LATE: DeliveryOutcome = {
  verdict: 'unsent',
  status: null,
  latencyMs: 0,
  answer: '',
  error: 'Not sent: the deadline of its delivery batch ended before its turn came.',
  retryAfterMs: null,
};
const AMONG_FAILURES: DeliveryOutcome = {
  ...TOO_LATE,
  error: 'Not sent: the target did not take the states before it in the same delivery batch.',
};
