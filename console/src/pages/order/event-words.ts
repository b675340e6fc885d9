import type { OrderEvent } from '../../api/types.ts';
import { statusWords } from '../orders/statuses.ts';

/** What an event says, in a few words: the statuses in its body, or its type if it has none. */
export function eventWords({ eventType, data }: Pick<OrderEvent, 'eventType' | 'data'>): string {
  const statuses = Object.entries(bodyOf(data)).flatMap(([name, value]) =>
    /status$/i.test(name) && typeof value === 'string' ? [statusWords(columnOf(name), value)] : [],
  );
  return statuses.length === 0 ? eventType : `${eventType}: ${statuses.join(', ')}`;
}

/** `paymentStatus` as the view calls it: `payment_status`. */
function columnOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function bodyOf(data: string): object {
  try {
    const body: unknown = JSON.parse(data);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}
