import type { BodyOptions } from '../../../adapters/http-delivery/index.ts';
import type { Domain, View } from '../../../core/domain.ts';
import { messageOf } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { parseVerdictRules, type VerdictRules } from '../../../core/verdict-rules.ts';
import { nounOf } from '../../../pipeline/ask/parts.ts';
import { parseBody, type TargetSettingValues } from '../../shared/settings/known/target.ts';
import type { Synced } from '../../shared/settings/synced.ts';
import { contentOf, type EntryPlace, fault, textOf } from './entry-files.ts';

/** What the body of a target depends on. */
export type TargetedDomain = Pick<Domain<never, never>, 'noun'> & {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
};

/** The type of a state as an event: `order.state`. Blanks in the noun become dots. */
export const stateTypeOf = (domain: Pick<TargetedDomain, 'noun'>) =>
  `${nounOf(domain).replaceAll(/[^a-z0-9]+/gi, '.')}.state`;

/** The source of the states of a consumer group as events. */
export const sourceOf = (group: string) => `/tributary/${group}`;

/** Where a target differs from the contract: in the body that it wants, and in what its statuses mean. */
export interface Wishes extends BodyOptions {
  readonly verdicts: VerdictRules | undefined;
}

export const WISH_FIELDS = ['bodyFile', 'cloudEvents', 'verdicts'];

export function wishesOf(
  settings: TargetSettingValues & { readonly group: string; readonly synced: Synced },
): Wishes {
  const { targetBody, targetCloudEvents: mode, targetVerdicts } = settings;
  return {
    template: targetBody === undefined ? undefined : parseBody(targetBody, settings.synced.domain),
    cloudEvents:
      mode === 'off'
        ? undefined
        : {
            mode,
            type: settings.targetCloudEventsType ?? stateTypeOf(settings.synced.domain),
            source: settings.targetCloudEventsSource ?? sourceOf(settings.group),
          },
    verdicts: targetVerdicts === undefined ? undefined : parseVerdictRules(targetVerdicts),
  };
}

/** The wishes of an entry of the targets file. */
export function wishesIn(
  entry: Readonly<Record<string, unknown>>,
  place: EntryPlace,
  group: string,
  domain: TargetedDomain,
): Wishes {
  const { called } = place;
  const template = contentOf(entry.bodyFile, 'bodyFile', place);
  const verdicts = textOf(entry.verdicts, 'verdicts', place);
  const parsed = <Value>(field: string, parse: () => Value): Value => {
    try {
      return parse();
    } catch (error) {
      throw fault(`${called}: its "${field}": ${messageOf(error)}`);
    }
  };
  return {
    template: template === undefined ? undefined : parsed('bodyFile', () => parseBody(template, domain)),
    cloudEvents: cloudEventsIn(entry.cloudEvents, place, group, domain),
    verdicts: verdicts === undefined ? undefined : parsed('verdicts', () => parseVerdictRules(verdicts)),
  };
}

function cloudEventsIn(
  given: unknown,
  place: EntryPlace,
  group: string,
  domain: TargetedDomain,
): Wishes['cloudEvents'] {
  if (given === undefined) return undefined;
  const { called, isTopic } = place;
  if (isTopic) throw fault(`${called}: "cloudEvents" is only for a url: leave it out`);
  const isRight =
    isJsonObject(given) &&
    (given.mode === 'structured' || given.mode === 'binary') &&
    Object.keys(given).every((key) => ['mode', 'type', 'source'].includes(key));
  if (!isRight)
    throw fault(
      `${called}: "cloudEvents" has to be an object such as {"mode": "structured", "type": "order.state"}`,
    );
  return {
    mode: given.mode as 'structured' | 'binary',
    type: textOf(given.type, 'cloudEvents.type', place) ?? stateTypeOf(domain),
    source: textOf(given.source, 'cloudEvents.source', place) ?? sourceOf(group),
  };
}
