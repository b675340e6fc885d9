import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

/** The content of the header `webhook-batch`. */
export interface DeliveryBatchAnnouncement {
  /** The most states in one request. */
  readonly states: number;
  /** The path to which they are posted. Without a slash at its beginning it is below the target's URL. */
  readonly path: string;
}

export interface DeliveryBatchOfferOptions {
  /** Single states are posted there. Delivery batches are posted to no other host, port or scheme. */
  readonly url: URL;
  readonly targetName: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
}

/** The most states in one request, whatever the target offers: its answer is read whole, and all members wait for it. */
const STATES_MAX = 1_000;
/** A delivery batch, or a size of it, that the target refused is tried again after this time. */
const REFUSAL_HOLDS_MS = 10 * 60_000;

/**
 * Knows whether the target takes delivery batches, by the header `webhook-batch` of its 2xx answers alone:
 *
 *     none --the header comes--> offered --refused, while single states are taken--> none, for 10 minutes
 *                                offered --413--> offered with half as many states, for 10 minutes
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

  /** The most states in one request now. */
  get maxDeliveryBatch(): number {
    if (this.#offered === null) return 1;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#refusedUntilMs) return 1;
    return Math.min(this.#offered.states, nowMs < this.#ceilingUntilMs ? this.#ceiling : STATES_MAX);
  }

  /** Path and query to which delivery batches are posted; empty if the target takes none. */
  get path(): string {
    return this.#offered?.path ?? '';
  }

  /** Reads the header of a 2xx answer. Does nothing if it is missing, or the same as before. */
  hear(header: string | undefined): void {
    if (header === undefined || header === this.#seen) return;
    this.#seen = header;
    const { targetName, logger, url } = this.#options;
    const announced = parseDeliveryBatchAnnouncement(header);
    const path = announced === null ? null : pathOnTarget(announced.path, url);
    if (announced === null || path === null) {
      const why = announced === null ? 'cannot be read' : `names a place that is not on ${url.origin}`;
      logger(
        'warn',
        `Target ${targetName} announces delivery batches that cannot be used: webhook-batch ${why}.`,
      );
      this.#offered = null;
      return;
    }
    this.#offered = { states: announced.states, path };
    logger(
      'info',
      `Target ${targetName} takes up to ${announced.states} states in one request, posted to ${shown(path)}.`,
    );
  }

  /** The target has refused a delivery batch, and has then taken its states one by one. */
  refused(status: number): void {
    const { targetName, url, clock, logger } = this.#options;
    this.#refusedUntilMs = clock.monotonicMs() + REFUSAL_HOLDS_MS;
    const seen = parseDeliveryBatchAnnouncement(this.#seen ?? '')?.path ?? '';
    const isOfPlace = status === 404 || status === 405 || (status >= 300 && status < 400);
    const remedy =
      isOfPlace && seen.startsWith('/')
        ? ` If a proxy in front of the target strips a prefix, let the target announce a path below its URL: path="batch".`
        : '';
    logger(
      'warn',
      `Target ${targetName} answered a delivery batch at ${url.origin}${shown(this.path)} with ${status}, and took its states one by one: states go singly for 10 minutes.${remedy}`,
    );
  }

  /** The target has answered 413 to a single state too, so the delivery batches may keep their size. */
  wasNotTooLarge(): void {
    this.#ceilingUntilMs = 0;
  }

  /** The target has answered 413 to a delivery batch with this many states. */
  tooLarge(states: number): void {
    const { targetName, clock, logger } = this.#options;
    this.#ceiling = Math.max(1, Math.floor(states / 2));
    this.#ceilingUntilMs = clock.monotonicMs() + REFUSAL_HOLDS_MS;
    logger(
      'info',
      `A delivery batch of ${states} states is too large for target ${targetName}: it gets at most ${this.#ceiling} in one request for 10 minutes.`,
    );
  }
}

/**
 * Reads `500;path="/api/orders/batch"`, a structured field item: an integer with the string parameter `path`. Other
 * parameters are ignored. Returns null for anything else. Source: RFC 8941, 3.3 and 4.2.
 */
export function parseDeliveryBatchAnnouncement(header: string): DeliveryBatchAnnouncement | null {
  const item =
    /^ *(\d{1,15})((?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[ !#-[\]-~]|\\["\\])*"|[^;"]*))?)*) *$/.exec(header);
  if (item === null) return null;
  const parameters = item[2] ?? '';
  let path: string | null = null;
  // If a parameter comes twice, the last one counts.
  for (const [, text] of parameters.matchAll(/; *path="((?:[ !#-[\]-~]|\\["\\])*)"/g)) {
    path = (text ?? '').replace(/\\(["\\])/g, '$1');
  }
  const states = Number(item[1]);
  return path === null || path === '' || states < 1 ? null : { states, path };
}

/**
 * Path and query, if the path leads to the host of the target; else null. A path without a slash at its beginning is below
 * the target's URL, which is right behind a proxy that strips a prefix. It keeps the query of the URL if it has none itself.
 */
function pathOnTarget(path: string, target: URL): string | null {
  const folder = target.origin + target.pathname.replace(/\/?$/, '/');
  if (!URL.canParse(path, folder)) return null;
  const url = new URL(path, folder);
  const isBelow = !path.startsWith('/') && !URL.canParse(path) && url.search === '';
  return url.origin === target.origin ? url.pathname + (isBelow ? target.search : url.search) : null;
}

/** A path without its query, which may hold a key. */
function shown(path: string): string {
  return path.replace(/\?.*$/s, '');
}
