import type { AskedLog, AskParts } from '../../pipeline/ask/parts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityInspection } from '../../ports/store.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { domainOf } from '../shared/settings/synced.ts';
import { decoderOf } from './decoder-of.ts';
import { dueRulesOf, targetNames } from './targets/targets.ts';

export type OrderAskParts = AskParts<unknown, unknown>;

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
  const { stuckAfterMs } = settings;
  const domain = domainOf(settings);
  return {
    domain,
    decoder: decoderOf(settings, clock),
    store,
    clock,
    log,
    due: dueRulesOf(settings),
    topicNames,
    targets: targetNames(settings),
    stuckAfterMs,
    maxEvents,
  };
}
