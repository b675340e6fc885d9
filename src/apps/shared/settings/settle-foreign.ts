import { join } from 'node:path';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import { SettingFault } from './fault.ts';
import { ownSources } from './known/own-topics.ts';
import type { SettingEntry } from './load.ts';
import { SYNCED_ORDERS, type Synced, type TopicSettings, topicNamesOf } from './synced.ts';

/** The values that depend on the domain, while they are being loaded. */
export type Settling = TopicSettings & {
  readonly targetsFile: string | undefined;
  readonly topicSources: string | undefined;
  deliver: boolean;
  reconcileEveryMs: number;
};

/**
 * Adjusts the values to a domain that is not the orders, and says what is wrong with them together. The default of
 * ORDER_SYNC_TARGET_URL leads to order-mgt, which takes orders alone. So without a URL nothing is sent, and states that are
 * due wait in the ledger until there is one.
 */
export function settleForeign(values: Settling, entries: readonly SettingEntry[]): string[] {
  const faults: string[] = [];
  try {
    const topics = topicNamesOf(values);
    const strange = Object.keys(ownSources(values.topicSources ?? '{}')).find((topic) => !(topic in topics));
    if (strange !== undefined)
      faults.push(
        `TRIBUTARY_SOURCES names the topic "${strange}"; the topics of ${values.synced.domain.name} are ${Object.keys(topics).join(', ')}.`,
      );
  } catch (error) {
    if (!(error instanceof TributaryError) && !(error instanceof SettingFault)) throw error;
    faults.push(messageOf(error));
  }
  if (!hasTarget(entries)) {
    if (values.targetsFile !== undefined)
      faults.push(
        'ORDER_SYNC_TARGETS_FILE is set without ORDER_SYNC_TARGET_URL: set the URL of the first target too.',
      );
    values.deliver = false;
    values.reconcileEveryMs = 0;
  }
  return faults;
}

/**
 * The defaults that a domain of somebody else has of its own, so that several of them work side by side: its consumer group,
 * and its file in the data directory. Null for every other setting.
 */
export function ownDefault(
  variable: string,
  { domain }: Synced,
  dataDirectory: string,
): {
  readonly text: string;
  readonly source: 'default';
  readonly from: string;
  readonly file?: never;
} | null {
  if (domain === SYNCED_ORDERS.domain) return null;
  const text =
    variable === 'ORDER_SYNC_GROUP'
      ? domain.name
      : variable === 'DATABASE_URL'
        ? `sqlite:${join(dataDirectory, `${domain.name}.sqlite`)}`
        : null;
  return text === null ? null : { text, source: 'default', from: text };
}

/** Whether somebody has named the first target. */
export function hasTarget(entries: readonly SettingEntry[]): boolean {
  const url = entries.find(({ name }) => name === 'ORDER_SYNC_TARGET_URL');
  return url !== undefined && (url.source !== 'default' || url.from.endsWith('in the program'));
}
