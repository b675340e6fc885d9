import type { AskedLog, AskParts } from '../../pipeline/ask/parts.ts';
import { createDecoder } from '../../pipeline/decode/decoder.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityInspection } from '../../ports/store.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { sourcesOf } from '../shared/settings/known/source.ts';
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
  const { maxRecordBytes, acceptsMissingKeys, stuckAfterMs } = settings;
  const { domain } = settings.synced;
  return {
    domain,
    decoder: createDecoder(domain, {
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
    targets: targetNames(settings),
    stuckAfterMs,
    maxEvents,
  };
}
