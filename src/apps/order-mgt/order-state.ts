import { hash } from 'node:crypto';

/** The state of one order as the source delivers it: a row of the source's view. */
export interface OrderState {
  readonly order_id: string;
  readonly order_status: string | null;
  readonly payment_status: string | null;
  readonly review_status: string | null;
  readonly ready_to_send: boolean;
  /** The state with the higher version is the later one. */
  readonly version: number;
}

/** The longest order id, in bytes of UTF-8. */
export const ORDER_ID_BYTES_MAX = 255;

const status = { type: ['string', 'null'], maxLength: 255 };

/**
 * JSON Schema (draft-07) of a state that is posted. Every field is required, because a missing one could mean "null" or "as
 * it was". Further fields are accepted and not kept.
 */
export const ORDER_STATE_SCHEMA = {
  type: 'object',
  examples: [
    {
      order_id: 'order123',
      order_status: 'CREATED',
      payment_status: 'PAYMENT_AUTHORIZED',
      review_status: null,
      ready_to_send: true,
      version: 2,
    },
  ],
  required: ['order_id', 'order_status', 'payment_status', 'review_status', 'ready_to_send', 'version'],
  properties: {
    order_id: { type: 'string', minLength: 1, maxLength: ORDER_ID_BYTES_MAX },
    order_status: status,
    payment_status: status,
    review_status: status,
    ready_to_send: { type: 'boolean' },
    version: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    replaces: {
      description:
        'Marks a repair. If the held state has the same version and this digest, the posted state takes its place.',
    },
  },
} as const;

/** The six fields of a state. Further fields of the body are left out. */
export function pickOrderState(body: OrderState): OrderState {
  return {
    order_id: body.order_id,
    order_status: body.order_status,
    payment_status: body.payment_status,
    review_status: body.review_status,
    ready_to_send: body.ready_to_send,
    version: body.version,
  };
}

/** SHA-256 over the six fields in one fixed form, so that other spacing or a further field does not change it. */
export function payloadHashOf(state: OrderState): string {
  return hash(
    'sha256',
    JSON.stringify([
      state.order_id,
      state.order_status,
      state.payment_status,
      state.review_status,
      state.ready_to_send,
      state.version,
    ]),
    'hex',
  );
}

/** SHA-256 over one line of JSON for each state. Source: docs/being-a-target.md. */
export function digestOf(states: readonly OrderState[]): string {
  const lines = states.map(
    (state) =>
      `${JSON.stringify([
        state.order_id,
        state.order_status,
        state.payment_status,
        state.review_status,
        state.ready_to_send,
        state.version,
      ])}\n`,
  );
  return hash('sha256', lines.join(''), 'hex');
}

/** The digest that a repair names, or null for any other delivery. */
export function replacedDigestOf(body: object): string | null {
  const digest = 'replaces' in body ? body.replaces : null;
  return typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}
