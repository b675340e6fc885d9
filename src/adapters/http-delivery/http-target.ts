import { readFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import packageJson from '../../../package.json' with { type: 'json' };
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Delivery, DeliveryOutcome, DeliveryTarget } from '../../ports/delivery-target.ts';
import { Attempt, type AttemptContext } from './attempt.ts';
import type { HttpTargetOptions } from './options.ts';
import { parseSigningKeys, type SigningKey, sign } from './signature.ts';

/**
 * A target that takes states by HTTP POST, signed as Standard Webhooks wants it.
 *
 * Connections are kept alive; redirects are never followed; of an answer at most 64 KiB are read. A 2xx whose
 * answer breaks off or does not end in time counts as `retry`: the id makes a second attempt harmless, while
 * a lost state is not. Throws `setting_invalid` for options that cannot work.
 */
export function openHttpTarget(options: HttpTargetOptions): DeliveryTarget {
  return new HttpTarget(options);
}

class HttpTarget implements DeliveryTarget {
  readonly name: string;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #keys: readonly SigningKey[];
  readonly #commonHeaders: readonly string[];
  readonly #context: AttemptContext;
  readonly #traceparentOf: (delivery: Delivery) => string | undefined;
  readonly #underWay = new Set<Promise<DeliveryOutcome>>();
  #closed: Promise<void> | null = null;

  constructor(options: HttpTargetOptions) {
    const { name, clock, deadlineMs = 15_000 } = options;
    const url = parseTargetUrl(options.url, name);
    this.name = name;
    this.#path = url.pathname + url.search;
    this.#keys = parseSigningKeys(options.secrets, `The signing secret of target ${name}`);
    this.#commonHeaders = commonHeaders(url);
    this.#traceparentOf = options.traceparentOf ?? (() => undefined);
    this.#context = {
      place: url.origin,
      clock,
      deadlineMs,
      retryAfterLimitMs: options.retryAfterLimitMs ?? 60 * 60_000,
    };
    this.#pool = new Pool(url.origin, {
      connections: options.connections ?? 64,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: deadlineMs, ...authorities(options.caFile, name) },
      // The attempt's own deadline covers both; two more timers for each request would only cost.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    if (this.#keys.length === 0) {
      options.log('debug', `Deliveries to ${name} are not signed: no secret is set.`);
    }
  }

  deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryOutcome> {
    const attempt = new Attempt(this.#context, signal);
    if (this.#closed !== null) attempt.fail('retry', `The target ${this.name} is closed; nothing was sent.`);
    else if (signal.aborted) attempt.fail('retry', 'Stopped before anything was sent.');
    else this.#send(delivery, attempt);

    const outcome = attempt.outcome;
    this.#underWay.add(outcome);
    void outcome.then(() => this.#underWay.delete(outcome));
    return outcome;
  }

  /** What is under way is finished first, which its deadline bounds. */
  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#underWay).then(() => this.#pool.destroy());
    return this.#closed;
  }

  #send(delivery: Delivery, attempt: Attempt): void {
    try {
      const body = JSON.stringify(delivery.body);
      const request: Dispatcher.DispatchOptions = {
        method: 'POST',
        path: this.#path,
        headers: this.#headers(delivery, body),
        body,
      };
      this.#pool.dispatch(request, attempt);
    } catch (error) {
      // Nothing was sent, and the same delivery would fail so again: an id that fits no header, for instance.
      attempt.fail('park', `The request to ${this.#context.place} could not be made: ${messageOf(error)}`);
    }
  }

  #headers(delivery: Delivery, body: string): string[] {
    const { deliveryId } = delivery;
    const headers = [...this.#commonHeaders, 'idempotency-key', quoted(deliveryId), 'webhook-id', deliveryId];
    const timestamp = Math.floor(this.#context.clock.now() / 1_000);
    headers.push('webhook-timestamp', String(timestamp));
    if (this.#keys.length > 0) {
      headers.push('webhook-signature', sign(this.#keys, deliveryId, timestamp, body));
    }
    const traceparent = this.#traceparentOf(delivery);
    if (traceparent !== undefined) headers.push('traceparent', traceparent);
    return headers;
  }
}

function commonHeaders(url: URL): string[] {
  const headers = [
    'content-type',
    'application/json',
    'accept',
    'application/json',
    'user-agent',
    `tributary/${packageJson.version}`,
  ];
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.push('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  }
  return headers;
}

/** A string of HTTP's structured fields. Source: RFC 8941, 3.3.3. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function parseTargetUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TributaryError(
      'setting_invalid',
      `The URL of target ${name} is not an HTTP address: give one like http://localhost:3001/api/orders.`,
    );
  }
  return url;
}

function authorities(caFile: string | undefined, name: string): { ca?: string } {
  if (caFile === undefined) return {};
  try {
    return { ca: readFileSync(caFile, 'utf8') };
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `The authorities' file of target ${name} cannot be read: ${messageOf(error)}. Name a readable PEM file.`,
      { cause: error },
    );
  }
}
