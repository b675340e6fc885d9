import { isOfOrders } from '../text/words.ts';

/** Members that hold values of the domain, in which a name means nothing here. */
const OF_THE_DOMAIN = new Set(['row', 'before', 'after', 'stored', 'expected', 'state', 'value', 'body']);

/**
 * The answer with the names that it has for orders: the pages read `orderId` and `orders`. Servers of other domains call them
 * `entityId` and `entities`.
 */
export function asForOrders<Answer>(answer: Answer): Answer {
  return isOfOrders ? answer : (named(answer) as Answer);
}

/** The value with both names for each id and each list. */
export function named(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [name, OF_THE_DOMAIN.has(name) ? member : named(member)] as const,
  );
  const all = Object.fromEntries(members);
  return {
    ...('entityId' in all ? { orderId: all.entityId } : {}),
    ...('entities' in all ? { orders: all.entities } : {}),
    ...all,
  };
}
