import { DueRules } from '../../../pipeline/ingest/due.ts';
import { dueTargetsOf, type TargetRoute } from '../../../pipeline/target-route.ts';
import type { SettingsOf } from '../../shared/settings/known/index.ts';
import { topicsOf } from '../../shared/settings/synced.ts';
import { passes, readTargetsFile, type TargetSpec } from './targets-file.ts';

type OrderSyncSettings = SettingsOf<'order-sync'>;

/** The targets besides the one of ORDER_SYNC_TARGET_URL. */
export function moreTargets(settings: OrderSyncSettings): TargetSpec[] {
  return readTargetsFile(settings.targetsFile, {
    names: [settings.synced.target],
    topics: topicsOf(settings),
    group: settings.group,
    domain: settings.synced.domain,
  });
}

/** The names of all targets, the one of ORDER_SYNC_TARGET_URL first. */
export function targetNames(settings: OrderSyncSettings): string[] {
  return [settings.synced.target, ...moreTargets(settings).map(({ name }) => name)];
}

/** The rules that say which states are due to which target, for a command that sends nothing. */
export function dueRulesOf(settings: OrderSyncSettings): DueRules {
  const routes = [
    { target: { name: settings.synced.target }, qualifies: null },
    ...moreTargets(settings).map(({ name, filter }) => ({
      target: { name },
      qualifies: qualifierOf(filter),
    })),
  ];
  return new DueRules(dueTargetsOf(routes, settings.synced.domain.view));
}

/** Whether a state qualifies for a target with this filter; null if every state does. */
export function qualifierOf(filter: TargetSpec['filter']): TargetRoute['qualifies'] {
  return filter.size === 0 ? null : (body) => passes(filter, body);
}
