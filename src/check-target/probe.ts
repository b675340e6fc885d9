import { createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Body,
  type bodyMaker,
  firstOf,
  locationIn,
  retryAfterMs,
} from '../adapters/http-delivery/index.ts';
import { type SigningKey, sign } from '../core/webhook-signature.ts';
import { RequestFault } from './faults.ts';
import { type Answer, describe, field, type HttpClient, isOk } from './http-client.ts';
import type { OptionNames } from './option-names.ts';

/** The state in a delivery: the row of an order and its version. */
export interface State {
  readonly order_id: string;
  readonly order_status: string | null;
  readonly payment_status: string | null;
  readonly review_status: string | null;
  readonly ready_to_send: boolean;
  readonly version: number;
}

export const STATE_FIELDS = [
  'order_id',
  'order_status',
  'payment_status',
  'review_status',
  'ready_to_send',
  'version',
] as const satisfies readonly (keyof State)[];

/** The differences between a request and the one that order-sync would send. */
export interface Form {
  /** The delivery id. Default: a new one. */
  readonly id?: string;
  /** The keys that sign the request. Default: all given keys. `nobody` leaves the signature out. */
  readonly signedBy?: readonly SigningKey[] | 'nobody';
  readonly timestampShiftSeconds?: number;
  /** The body to send instead of the one that was signed. */
  readonly bodySent?: Buffer;
  readonly idempotencyKey?: 'quoted' | 'bare';
  readonly path?: string;
  /** The form of a body that is not as the contract says. */
  readonly made?: Body;
}

/** What the target shows of an order. `unseen` means that nothing shows it. */
export type Held =
  | { readonly kind: 'seen'; readonly version: number; readonly state: State | null; readonly by: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unseen' };

/** A state that was answered with 2xx is looked for during 2 s, to tell a late one from a missing one. */
const LAG_LIMIT_MS = 2_000;
const LAG_STEP_MS = 100;
const THROTTLED_TRIES = 3;
const THROTTLED_WAIT_LIMIT_MS = 5_000;

/** One run against one target. It makes orders that nobody else has, sends their states, and looks at what the target holds. */
export class Probe {
  readonly client: HttpClient;
  readonly keys: readonly SigningKey[];
  /** A key that the target cannot know. */
  readonly foreignKey: SigningKey = createSecretKey(randomBytes(32));
  /** The beginning of the ids of all orders of this run. */
  readonly prefix: string;
  readonly deadlineMs: number;
  /** Whether the user says that there is a read side. Then a 404 there is a fault. */
  readonly mustShow: boolean;
  readonly optionNames: OptionNames;
  /** Whether the target shows its orders. Null before the first read. */
  #hasReadSide: boolean | null = null;
  /** Makes bodies that are not as the contract says. */
  readonly #makeBody: ReturnType<typeof bodyMaker>;
  #nextId = 1;
  #controls = 0;
  /** The last announcement of delivery batches on a 2xx answer, or null. */
  announcement: string | null = null;
  /** The ids of the orders with a single state that was answered with 2xx. */
  readonly accepted = new Set<string>();
  /** The statuses that were answered to bodies that are no states. */
  readonly statusesOfGarbage = new Set<number>();

  constructor(options: {
    client: HttpClient;
    keys: readonly SigningKey[];
    runId: string;
    deadlineMs: number;
    mustShow: boolean;
    optionNames: OptionNames;
    makeBody: ReturnType<typeof bodyMaker>;
  }) {
    this.#makeBody = options.makeBody;
    this.client = options.client;
    this.keys = options.keys;
    this.prefix = `check-target-${options.runId}-`;
    this.deadlineMs = options.deadlineMs;
    this.mustShow = options.mustShow;
    this.optionNames = options.optionNames;
  }

  get hasReadSide(): boolean {
    return this.#hasReadSide === true;
  }

  /** Whether the bodies are not those of the contract for orders. */
  get hasOwnBody(): boolean {
    return this.#makeBody !== null;
  }

  newDeliveryId(): string {
    return `msg_${this.prefix}${this.#nextId++}`;
  }

  /** A state of this run. Its fields differ from version to version, so that a mixture of two states is seen. */
  state(name: string, version: number, changes: Partial<State> = {}): State {
    const isReviewed = version % 2 === 0;
    return {
      order_id: `${this.prefix}${name}`,
      order_status: 'CREATED',
      payment_status: isReviewed ? 'AUTHORIZATION_REVIEW_ACCEPTED' : 'PAYMENT_AUTHORIZED',
      review_status: isReviewed ? 'ACCEPTED' : null,
      ready_to_send: true,
      version,
      ...changes,
    };
  }

  /** The same version of the same order with another payload. */
  changed(state: State): State {
    return {
      ...state,
      payment_status: 'AUTHORIZATION_REVIEW_DECLINED',
      review_status: 'DECLINED',
      ready_to_send: false,
    };
  }

  /** Sends one state. Throws a RequestFault for a missing answer and for a redirect. */
  async deliver(state: object, form: Form = {}): Promise<Answer> {
    const id = form.id ?? this.newDeliveryId();
    const body = this.#bodyOf(state, id);
    const answer = await this.send(body.bytes, { ...form, id, ...body.form });
    const announced = firstOf(answer.headers['webhook-batch']);
    // order-sync sends no delivery batches with another body.
    const isBatched = announced !== undefined && body.form.made === undefined;
    if (isOk(answer) && isBatched) this.announcement = announced;
    const orderId = field(state, 'order_id');
    if (isOk(answer) && typeof orderId === 'string') this.accepted.add(orderId);
    return answer;
  }

  #bodyOf(state: object, deliveryId: string): { readonly bytes: Buffer; readonly form: Form } {
    const made = this.#makeBody?.({
      deliveryId,
      entityId: String(field(state, 'order_id')),
      version: Number(field(state, 'version')),
      body: { ...state },
      attempt: 1,
    });
    return {
      bytes: Buffer.from(made?.text ?? JSON.stringify(state)),
      form: made === undefined ? {} : { made },
    };
  }

  /** Sends a body. If the target asks for fewer requests, waits and tries again, three times in all. */
  async send(body: Buffer, form: Form = {}): Promise<Answer> {
    const id = form.id ?? this.newDeliveryId();
    for (let tries = 1; ; tries++) {
      const isRight = isAsOrderSyncSends(form);
      const answer = await this.client.post(this.#headers(id, body, form), form.bodySent ?? body, {
        path: form.path,
        renewsToken: isRight,
      });
      if (answer.status >= 300 && answer.status < 400) {
        const place = locationOf(answer, this.client.url);
        throw new RequestFault(
          'redirects',
          `${answer.status} to ${place}: set ${this.optionNames.url} to where the target is`,
        );
      }
      if (isRefusalOfTheSender(answer) && isRight) await this.mustStillBeLetIn();
      const isThrottled = answer.status === 429 || answer.status === 503;
      if (!isThrottled) return answer;
      if (tries === THROTTLED_TRIES) {
        throw new RequestFault('throttled', `${THROTTLED_TRIES} times, the last time ${describe(answer)}`);
      }
      const wishedMs = retryAfterMs(answer.headers['retry-after'], Date.now(), THROTTLED_WAIT_LIMIT_MS);
      await sleep(wishedMs ?? 1_000);
    }
  }

  /**
   * Throws a RequestFault if the target took states and now refuses the sender, for example because a token has expired. A
   * state that is certainly right tells that from a refusal of one request.
   */
  async mustStillBeLetIn(): Promise<void> {
    if (this.accepted.size === 0) return;
    const state = this.state('control', ++this.#controls);
    const id = this.newDeliveryId();
    const body = this.#bodyOf(state, id);
    const answer = await this.client.post(this.#headers(id, body.bytes, body.form), body.bytes);
    if (isOk(answer)) this.accepted.add(state.order_id);
    if (!isRefusalOfTheSender(answer)) return;
    throw new RequestFault(
      'authorization_wanted',
      `${describe(answer)}, after it took states: the key or the token may have expired`,
    );
  }

  #headers(id: string, body: Buffer, form: Form): Record<string, string> {
    const timestamp = Math.floor(Date.now() / 1_000) + (form.timestampShiftSeconds ?? 0);
    const headers: Record<string, string> = {
      ...(form.made === undefined ? {} : { 'content-type': form.made.contentType }),
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'idempotency-key': form.idempotencyKey === 'bare' ? id : `"${id}"`,
    };
    const named = form.made?.headers ?? [];
    for (let index = 0; index < named.length; index += 2)
      headers[named[index] as string] = named[index + 1] as string;
    const keys = form.signedBy ?? this.keys;
    if (keys === 'nobody' || keys.length === 0) return headers;
    return { ...headers, 'webhook-signature': sign(keys, id, timestamp, body) };
  }

  /**
   * Looks for the first time at the read side, for a state that was just answered with 2xx. `late` means that the state was
   * shown some time after the answer. `other` means that the answer does not have the contract's form.
   */
  async firstLook(state: State): Promise<{ kind: 'shown' | 'late' | 'other' | 'absent'; answer: Answer }> {
    const giveUpAtMs = performance.now() + LAG_LIMIT_MS;
    for (let isFirst = true; ; isFirst = false) {
      const answer = await this.#get(state.order_id);
      if (answer.status === 200) {
        this.#hasReadSide = stateIn(answer.json) !== null;
        if (!this.#hasReadSide) return { kind: 'other', answer };
        return { kind: isFirst ? 'shown' : 'late', answer };
      }
      if (answer.status !== 404 || performance.now() > giveUpAtMs) {
        this.#hasReadSide = false;
        return { kind: answer.status === 404 ? 'absent' : 'other', answer };
      }
      await sleep(LAG_STEP_MS);
    }
  }

  /** What the target holds of an order now, by the read side or, without one, by the last receipt of the order. */
  async held(orderId: string, receipt?: Answer): Promise<Held> {
    if (this.hasReadSide) {
      const answer = await this.#get(orderId);
      const state = answer.status === 200 ? stateIn(answer.json) : null;
      if (state !== null) return { kind: 'seen', version: state.version, state, by: 'GET' };
      return answer.status === 404 ? { kind: 'absent' } : { kind: 'unseen' };
    }
    const version = receipt === undefined ? undefined : field(receipt.json, 'version');
    return typeof version === 'number'
      ? { kind: 'seen', version, state: null, by: 'the receipt' }
      : { kind: 'unseen' };
  }

  /** The whole answer of the read side for an order. Null without a read side. */
  async whole(orderId: string): Promise<string | null> {
    if (!this.hasReadSide) return null;
    const answer = await this.#get(orderId);
    return `${answer.status} ${answer.body.toString('utf8')}`;
  }

  #get(orderId: string): Promise<Answer> {
    return this.client.get(encodeURIComponent(orderId));
  }
}

/** Whether the answer may speak of the one who sends, and not of what is sent. */
function isRefusalOfTheSender({ status }: Answer): boolean {
  return status === 401 || status === 403;
}

/** Whether the target can find nothing wrong with the signature. */
function isAsOrderSyncSends({ signedBy, timestampShiftSeconds, bodySent }: Form): boolean {
  return signedBy === undefined && timestampShiftSeconds === undefined && bodySent === undefined;
}

/** Where a redirect leads, without what may be secret in it. */
function locationOf(answer: Answer, url: URL): string {
  const location = locationIn(answer.headers);
  if (location === null) return 'no Location';
  const from = url.origin + url.pathname;
  return URL.canParse(location, from) ? new URL(location, from).href : location;
}

/** The state in an answer of the read side. Null if the answer does not have the contract's form. */
export function stateIn(json: unknown): State | null {
  const isState = typeof field(json, 'order_id') === 'string' && typeof field(json, 'version') === 'number';
  return isState ? (json as State) : null;
}

/** A sentence about the first field in which the held state differs from the sent one. Null if none differs. */
export function differenceOf(held: Held, sent: State): string | null {
  if (held.kind === 'absent') return 'GET does not find the order';
  if (held.kind === 'unseen') return null;
  if (held.version !== sent.version)
    return `version ${held.version} is held by ${held.by}, not ${sent.version}`;
  for (const name of STATE_FIELDS) {
    const shown = held.state === null ? sent[name] : held.state[name];
    if (shown !== sent[name])
      return `GET shows ${name} ${JSON.stringify(shown)}, not ${JSON.stringify(sent[name])}`;
  }
  return null;
}

/** Words for an unexpected answer. `what` is the request. */
export function unexpected(answer: Answer, what: string): string {
  return `${what}: ${describe(answer)}`;
}
