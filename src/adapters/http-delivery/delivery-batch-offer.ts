import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

/** What the header `webhook-batch` says: the most states in one request, and where to post them. */
export interface DeliveryBatchAnnouncement {
  readonly states: number;
  readonly path: string;
}

export interface DeliveryBatchOfferOptions {
  /** Scheme, host and port of the target: a batch goes nowhere else. */
  readonly origin: string;
  readonly targetName: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
}

/** We make no larger batch, whatever is offered: its answer has to be read whole, and its members wait for it. */
const STATES_MAX = 1_000;
/** After this long, what a target once refused is tried again. */
const REFUSAL_HOLDS_MS = 10 * 60_000;

/**
 * Whether the target takes batches, found out by what it announces and nothing else:
 *
 *     none --announced--> offered --refused, while single states are taken--> none, for 10 minutes
 *                            |--413--> offered, with half as many states, for 10 minutes
 */
export class DeliveryBatchOffer {
  readonly #options: DeliveryBatchOfferOptions;
  #offered: DeliveryBatchAnnouncement | null = null;
  #seen: string | undefined;
  #ceiling = STATES_MAX;
  #ceilingUntilMs = 0;
  #refusedUntilMs = 0;

  constructor(options: DeliveryBatchOfferOptions) {
    this.#options = options;
  }

  /** How many states one request may carry now. */
  get maxDeliveryBatch(): number {
    if (this.#offered === null) return 1;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#refusedUntilMs) return 1;
    return Math.min(this.#offered.states, nowMs < this.#ceilingUntilMs ? this.#ceiling : STATES_MAX);
  }

  /** Where batches go. Empty if none are taken. */
  get path(): string {
    return this.#offered?.path ?? '';
  }

  /** Takes in the header of a 2xx answer; one that is as it was costs a comparison. */
  hear(header: string | undefined): void {
    if (header === undefined || header === this.#seen) return;
    this.#seen = header;
    const { targetName, logger, origin } = this.#options;
    const announced = parseDeliveryBatchAnnouncement(header);
    const path = announced === null ? null : pathOnOrigin(announced.path, origin);
    if (announced === null || path === null) {
      const why = announced === null ? 'cannot be read' : `names a place that is not on ${origin}`;
      logger('warn', `The batches that target ${targetName} announces are not used: webhook-batch ${why}.`);
      this.#offered = null;
      return;
    }
    this.#offered = { states: announced.states, path };
    logger(
      'info',
      `Target ${targetName} takes up to ${announced.states} states in one request, posted to ${path}.`,
    );
  }

  /** The target refused a batch whose members it took singly. */
  refused(status: number): void {
    const { targetName, clock, logger } = this.#options;
    this.#refusedUntilMs = clock.monotonicMs() + REFUSAL_HOLDS_MS;
    logger(
      'warn',
      `Target ${targetName} answered a batch with ${status} and takes single states: they go singly for 10 minutes.`,
    );
  }

  /** A single state was too large, too: that batches were was no fault of theirs. */
  wasNotTooLarge(): void {
    this.#ceilingUntilMs = 0;
  }

  /** A batch of so many states was too large. */
  tooLarge(states: number): void {
    const { targetName, clock, logger } = this.#options;
    this.#ceiling = Math.max(1, Math.floor(states / 2));
    this.#ceilingUntilMs = clock.monotonicMs() + REFUSAL_HOLDS_MS;
    logger(
      'info',
      `A batch of ${states} states is too large for target ${targetName}: ${this.#ceiling} from now.`,
    );
  }
}

/**
 * `500;path="/api/orders/batch"`: a structured field item, an integer with the parameter `path`, a string; other
 * parameters are passed over. Null if it is anything else. Source: RFC 8941, 3.3 and 4.2.
 */
export function parseDeliveryBatchAnnouncement(header: string): DeliveryBatchAnnouncement | null {
  const item =
    /^ *(\d{1,15})((?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[ !#-[\]-~]|\\["\\])*"|[^;"]*))?)*) *$/.exec(header);
  if (item === null) return null;
  const parameters = item[2] ?? '';
  let path: string | null = null;
  // A parameter that stands twice counts as it stands last.
  for (const [, text] of parameters.matchAll(/; *path="((?:[ !#-[\]-~]|\\["\\])*)"/g)) {
    path = (text ?? '').replace(/\\(["\\])/g, '$1');
  }
  const states = Number(item[1]);
  return path === null || path === '' || states < 1 ? null : { states, path };
}

/** The path and query on this origin; null if it leads elsewhere. */
function pathOnOrigin(path: string, origin: string): string | null {
  if (!URL.canParse(path, origin)) return null;
  const url = new URL(path, origin);
  return url.origin === origin ? url.pathname + url.search : null;
}
