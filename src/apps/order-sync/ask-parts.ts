import { type OrderEvent, type OrderState, orders } from '../../orders/index.ts';
import type { AskedLog, AskParts } from '../../pipeline/ask/parts.ts';
import { createDecoder } from '../../pipeline/decode/decoder.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityInspection } from '../../ports/store.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { sourcesOf } from '../shared/settings/known/source.ts';
import { dueRulesOf, moreTargets, TARGET } from './targets/targets.ts';

export type OrderAskParts = AskParts<OrderState, OrderEvent>;

export interface AskPartsOptions {
  readonly store: EntityInspection;
  readonly clock: Clock;
  readonly log: AskedLog;
  /** The names that the settings give to the domain's topics. */
  readonly topicNames: Readonly<Record<string, string>>;
  readonly maxEvents: number;
}

/** What questions about orders are answered from. */
export function askPartsOf(
  settings: SettingsOf<'order-sync'>,
  { store, clock, log, topicNames, maxEvents }: AskPartsOptions,
): OrderAskParts {
  const { maxRecordBytes, acceptsMissingKeys, stuckAfterMs } = settings;
  return {
    domain: orders,
    decoder: createDecoder(orders, {
      topicNames,
      maxRecordBytes,
      acceptsMissingKeys,
      sources: sourcesOf(settings),
    }),
    store,
    clock,
    log,
    due: dueRulesOf(settings),
    topicNames,
    targets: [TARGET, ...moreTargets(settings).map(({ name }) => name)],
    stuckAfterMs,
    maxEvents,
  };
}
