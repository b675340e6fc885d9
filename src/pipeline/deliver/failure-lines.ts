import { ANY_ENTITY, type EntityWords } from '../../core/entity-words.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../ports/delivery-target.ts';
import type { Logger } from '../../ports/logger.ts';
import { troubleOf } from './settlement.ts';
import { targetWords } from './target-words.ts';

/** A target stands still if it has taken no state for this time, although states are due. */
export const STANDS_STILL_MS = 15_000;
/** While attempts fail, there is at most one log line in this time. */
const SAY_EVERY_MS = 60_000;
/** A log line names at most this many of the deliveries that died together. */
const NAMED_MAX = 5;

export interface FailureContext {
  /** Whether the target has taken any state since this process began. */
  readonly hasAccepted: boolean;
  /** When the attempts began to fail after the last success; null if this is the first failure since. */
  readonly failingSinceMs: number | null;
}

/**
 * Logs that a target takes no states. A target that has never taken one, as behind a wrong address, has a line at the
 * first failure. Any other target has one after it has stood still for 15 s. Further lines come once a minute. Each names
 * one entity, the target's answer, and the setting to look at.
 */
export class FailureLines {
  readonly #target: string;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #logger: Logger;
  readonly #words: EntityWords;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(target: string, clock: Pick<Clock, 'monotonicMs'>, logger: Logger, words = ANY_ENTITY) {
    this.#target = target;
    this.#clock = clock;
    this.#logger = logger;
    this.#words = words;
  }

  /** An attempt has failed. */
  failed(
    delivery: Pick<ClaimedDelivery, 'entityId' | 'version' | 'attempt'>,
    outcome: DeliveryOutcome,
    { hasAccepted, failingSinceMs }: FailureContext,
    isBreakerClosed: boolean,
  ): void {
    // The breaker logs that a target wants no more deliveries, and that nothing is sent for a while.
    if (outcome.verdict === 'disable' || !isBreakerClosed) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidMs < SAY_EVERY_MS) return;
    const stillMs = failingSinceMs === null ? 0 : nowMs - failingSinceMs;
    if (hasAccepted && stillMs < STANDS_STILL_MS) return;
    this.#saidMs = nowMs;
    const what = hasAccepted
      ? `it has taken no state for ${Math.floor(stillMs / 1_000)} s`
      : 'it has not taken any state yet';
    this.#logger(
      'warn',
      `Deliveries to ${this.#target}: ${what}. ${troubleOf(outcome)}${saidBy(outcome.answer)} ` +
        `(${nameOf(this.#words, delivery)}, attempt ${delivery.attempt})`,
      { [this.#words.idMember]: delivery.entityId },
    );
  }
}

/** Writes one log line for all deliveries that died together, so that a target that refuses everything does not fill the disk. */
export function tellOfDead(
  logger: Logger,
  dead: readonly DeliverySettlement[],
  words: EntityWords = ANY_ENTITY,
): void {
  const [first, ...others] = dead;
  if (first === undefined) return;
  const { delivery, deliveryId, error, answer } = first;
  const attempts = delivery.attempt === 1 ? '1 attempt' : `${delivery.attempt} attempts`;
  const named = others.slice(0, NAMED_MAX - 1).map((each) => nameOf(words, each.delivery));
  const unnamed = others.length - named.length;
  const rest = unnamed > 0 ? [...named, `${unnamed} more`] : named;
  const alike = rest.length === 0 ? '' : ` Dead with it: ${rest.join('; ')}.`;
  logger(
    'warn',
    `The delivery of ${nameOf(words, delivery)} to ${delivery.target} is dead after ${attempts}: ${error ?? 'it was refused.'}` +
      `${saidBy(answer)}${alike} List them with "order-sync dead-letters", and make them due again with "order-sync redrive".`,
    { [words.idMember]: delivery.entityId, deliveryId, target: delivery.target, deliveries: dead.length },
  );
}

function nameOf(
  { noun }: EntityWords,
  { entityId, version }: Pick<ClaimedDelivery, 'entityId' | 'version'>,
): string {
  return `${noun} ${quoted(entityId, 255)} version ${version}`;
}

function saidBy(answer: string): string {
  const words = targetWords(answer);
  return words === null ? '' : ` It said: ${quoted(words, 210)}.`;
}
