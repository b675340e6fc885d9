import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { diffOf } from '../../../pipeline/ask/diff.ts';
import type { Moment } from '../../../pipeline/ask/moment.ts';
import { stateAt } from '../../../pipeline/ask/state-at.ts';
import { whatIf } from '../../../pipeline/ask/what-if.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { diffJson, explanationJson, stateJson, whatIfJson } from '../ask-json.ts';
import { explained } from '../ask-parts.ts';
import { momentFrom, orderIdOf, sidesFrom } from '../ask-query.ts';
import { refusalOf } from '../ask-refusals.ts';
import { diffText, explanationText, stateText, whatIfText } from '../ask-text.ts';
import { fromOptions, withAskParts } from '../asking.ts';

const FLAGS = {
  at: '--at',
  asKnownAt: '--as-known-at',
  version: '--version',
  diff: '--diff',
} as const;

export async function runExplain(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const entityId = orderIdOf(input.arguments[0]);
  const { diff, moment } = questionOf(input);
  return withAskParts(settings, clock, logger, async (parts) => {
    const { view } = parts.domain;
    if (diff !== null) {
      const found = await diffOf(parts, entityId, ...diff);
      if (found.kind !== 'diff') throw refusal(entityId, found);
      await output.document(diffJson(parts.domain, entityId, diff, found), diffText(entityId, diff, found));
      return EXIT.ok;
    }
    if (moment.kind !== 'now') {
      const state = await stateAt(parts, entityId, moment);
      if (state.kind !== 'state') throw refusal(entityId, state);
      await output.document(
        stateJson(parts.domain, entityId, moment, state, clock.now()),
        stateText(view, entityId, moment, state, clock.now()),
      );
      return EXIT.ok;
    }
    const explanation = await explained(parts, entityId);
    await output.document(explanationJson(parts.domain, explanation), explanationText(explanation));
    return explanation.version === 0 ? EXIT.failure : EXIT.ok;
  });
}

export async function runWhatIf(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const entityId = orderIdOf(input.arguments[0]);
  const { event } = input.options;
  if (typeof event !== 'string') throw new TributaryError('usage', 'Give the body of an event by --event.');
  return withAskParts(settings, clock, logger, async (parts) => {
    const outcome = await whatIf(parts, entityId, event);
    await output.document(
      whatIfJson(parts.domain, entityId, outcome),
      whatIfText(parts.domain, entityId, outcome),
    );
    return outcome.kind === 'refused' || outcome.kind === 'too_long' ? EXIT.failure : EXIT.ok;
  });
}

type Sides = readonly [Moment, Moment];

function questionOf({ options }: CommandInput): { readonly diff: Sides | null; readonly moment: Moment } {
  const text = (given: unknown) => (typeof given === 'string' ? given : undefined);
  return fromOptions(FLAGS, () => {
    const version = text(options.atVersion);
    const moment = momentFrom({ at: text(options.at), asKnownAt: text(options.asKnownAt), version });
    const diff = text(options.diff);
    if (diff !== undefined && moment.kind !== 'now')
      throw new TributaryError('usage', 'Give --diff alone, with both sides in it.');
    return { diff: diff === undefined ? null : sidesFrom('diff', diff), moment };
  });
}

/** Why there is no state, as an error of the command. */
function refusal(entityId: string, found: Parameters<typeof refusalOf>[0]): TributaryError {
  return new TributaryError('usage', `${quoted(entityId, 255)}: ${refusalOf(found).detail}`);
}
