import type { Domain } from '../../../core/domain.ts';
import { pluralOf } from '../../../core/entity-words.ts';
import { TributaryError } from '../../../core/errors.ts';
import { orders } from '../../../orders/index.ts';

/** The domain that a program syncs, with the words that the program uses for it. */
export interface Synced {
  readonly domain: Domain<unknown, unknown>;
  /** The name of the program in log lines and in its help. */
  readonly program: string;
  /** What people call several entities. It is the command that lists them, and their path in the HTTP API. */
  readonly plural: string;
  /** The name, in the ledger, of the target that ORDER_SYNC_TARGET_URL names. */
  readonly target: string;
  /** The words that start the program on a command line. */
  readonly invocation: string;
}

/** The orders. They have settings of their own for their topics, and order-mgt for their target. */
export const SYNCED_ORDERS: Synced = {
  domain: orders,
  program: 'order-sync',
  plural: 'orders',
  target: 'order-mgt',
  invocation: 'order-sync',
};

/** Words of the HTTP API and of the command line that mean something else already. */
const TAKEN = new Set(
  (
    'deliveries dead-letters jobs pipeline stream stuck orders events event-types records quarantine rebuilds holds ' +
    'partitions audit access settings status series verifications export try run explain what-if tail pause unpause ' +
    'verify rebuild adopt migrate take-group resume parked unpark check-target redrive reconcile keys publish'
  ).split(' '),
);

/** The words for a domain of somebody else, by its name and its noun. `invocation`: what starts its program. */
export function syncedOf(domain: Domain<unknown, unknown>, invocation = 'node sync.ts'): Synced {
  if (domain === orders) return SYNCED_ORDERS;
  const plural = commandOf(domain.noun ?? 'entity');
  return {
    domain,
    program: domain.name,
    plural: TAKEN.has(plural) ? 'entities' : plural,
    target: 'target',
    invocation,
  };
}

/** The plural of a noun, in the form of a command: `bank account` gives `bank-accounts`. */
function commandOf(noun: string): string {
  const word = noun
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return word === '' ? 'entities' : pluralOf(word);
}

/** The settings that say where the domain's topics are. */
export interface TopicSettings {
  readonly synced: Synced;
  readonly orderTopic: string;
  readonly paymentTopic: string;
  readonly topicNames: readonly string[];
}

/** By the name that the domain gives a topic: its actual name. Throws `setting_invalid` for a name that the domain has not. */
export function topicNamesOf({
  synced,
  orderTopic,
  paymentTopic,
  topicNames,
}: TopicSettings): Record<string, string> {
  if (synced === SYNCED_ORDERS) return { order_events: orderTopic, payment_events: paymentTopic };
  const names = Object.fromEntries(
    Object.values(synced.domain.eventTypes).map(({ topic }) => [topic, topic]),
  );
  for (const item of topicNames) {
    const [name = '', actual = ''] = item.split('=');
    if (names[name] === undefined)
      throw new TributaryError(
        'setting_invalid',
        `TRIBUTARY_TOPICS names the topic "${name}", which the domain ${synced.domain.name} does not have: its topics are ` +
          `${Object.keys(names).join(', ')}.`,
      );
    names[name] = actual;
  }
  return names;
}

/** The topics that are read, each once: several types of events may come on one. */
export function topicsOf(settings: TopicSettings): string[] {
  return [...new Set(Object.values(topicNamesOf(settings)))];
}

/** The domain whose view has the name that the settings give its table, so that messages name the table as people see it. */
export function domainOf({
  synced: { domain },
  table,
}: Pick<TopicSettings, 'synced'> & { readonly table: string | undefined }): Domain<unknown, unknown> {
  return table === undefined ? domain : { ...domain, view: { ...domain.view, table } };
}
