/**
 * Preloaded into order-sync with `node --import`, this module gives the domain another fold. CHECK_FOLD=buggy takes a
 * declined review for an accepted one, and is fold version 1. CHECK_FOLD=fixed is the product's fold, as version 2.
 */
import { registerHooks } from 'node:module';

const DOMAIN = '/src/orders/index.ts';

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith(DOMAIN)) return nextLoad(url, context);
    return { format: 'module', shortCircuit: true, source: variantOf(`${url}?original`) };
  },
});

function variantOf(original: string): string {
  const isBuggy = process.env.CHECK_FOLD === 'buggy';
  return `
    import { orders as original } from ${JSON.stringify(original)};
    export const orders = {
      ...original,
      foldVersion: ${isBuggy ? 1 : 2},
      evolve(state, event) {
        const isDeclined = event.kind === 'payment_status_changed' && event.status === 'AUTHORIZATION_REVIEW_DECLINED';
        return original.evolve(state, ${isBuggy} && isDeclined ? { ...event, status: 'AUTHORIZATION_REVIEW_ACCEPTED' } : event);
      },
    };
  `;
}
