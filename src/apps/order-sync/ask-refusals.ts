import type { StateAt } from '../../pipeline/ask/state-at.ts';

/** Why a question about an order has no answer: a code for programs, the status of the HTTP API, and a sentence. */
export interface Refusal {
  readonly status: 404 | 409 | 422;
  readonly code: 'order_unknown' | 'version_unknown' | 'order_too_long' | 'order_unfoldable';
  readonly detail: string;
}

export function refusalOf(found: Exclude<StateAt<unknown>, { kind: 'state' }>): Refusal {
  switch (found.kind) {
    case 'unknown':
      return {
        status: 404,
        code: 'order_unknown',
        detail: 'The journal has no event of this order.',
      };
    case 'no_such_version':
      return {
        status: 404,
        code: 'version_unknown',
        detail: `The order has only ${found.lastVersion} versions.`,
      };
    case 'too_long':
      return {
        status: 422,
        code: 'order_too_long',
        detail: `The order has ${found.lastVersion} events, more than the ${found.maxEvents} that are folded here for one answer.`,
      };
    case 'unfoldable':
      return {
        status: 409,
        code: 'order_unfoldable',
        detail: `These events cannot be folded (${found.reason}): ${found.detail}`,
      };
  }
}
