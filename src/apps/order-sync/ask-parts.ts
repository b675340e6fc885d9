import { type Explanation, explain } from '../../pipeline/ask/explain.ts';
import type { AskedLog, AskParts } from '../../pipeline/ask/parts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EntityInspection } from '../../ports/store.ts';
import { messageFor } from '../shared/settings/domain-words.ts';
import type { SettingsOf } from '../shared/settings/known/index.ts';
import { domainOf } from '../shared/settings/synced.ts';
import { decoderOf } from './decoder-of.ts';
import { dueRulesOf, targetNames } from './targets/targets.ts';

export interface OrderAskParts extends AskParts<unknown, unknown> {
  /** Names the commands of a sentence as people type them. Default: as they are written. */
  readonly typed?: (sentence: string) => string;
}

/** What is known of an entity, in sentences whose commands are those that people type. */
export async function explained(parts: OrderAskParts, entityId: string): Promise<Explanation<unknown>> {
  const { typed } = parts;
  const explanation = await explain(parts, entityId);
  return typed === undefined
    ? explanation
    : { ...explanation, sentences: explanation.sentences.map((sentence) => typed(sentence)) };
}

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
  const { stuckAfterMs, synced } = settings;
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
    typed: (sentence) => messageFor(synced, synced.invocation, sentence),
  };
}
