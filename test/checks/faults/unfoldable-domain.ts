/**
 * Preloaded into order-sync with `node --import`, this module breaks two orders. The decoder refuses bodies without an
 * event id of the order in CHECK_REFUSED_ORDER, like a decoder that does not know an old form. The fold throws at every
 * event of the order in CHECK_THROWING_ORDER.
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
  const refused = JSON.stringify(process.env.CHECK_REFUSED_ORDER ?? '');
  const throwing = JSON.stringify(process.env.CHECK_THROWING_ORDER ?? '');
  return `
    import { orders as original } from ${JSON.stringify(original)};
    const variantOf = (type) => ({
      ...type,
      toEvent(body) {
        if (body.orderId === ${refused} && body.eventId === undefined) {
          throw new TypeError('This version of the program does not know the form of the event.');
        }
        const event = type.toEvent(body);
        return body.orderId === ${throwing} ? { ...event, throws: true } : event;
      },
    });
    export const orders = {
      ...original,
      eventTypes: Object.fromEntries(
        Object.entries(original.eventTypes).map(([name, type]) => [name, variantOf(type)]),
      ),
      evolve(state, event) {
        if (event.throws) throw new RangeError('The fold does not know this sequence of events.');
        return original.evolve(state, event);
      },
    };
  `;
}
