import { userInfo } from 'node:os';
import { TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommandInput } from '../shared/cli/spec.ts';

/** The options of a command that decides something. */
export const DECISION_OPTIONS = [
  ['--reason <text>', 'The reason, which is recorded.'],
  ['--by <name>', 'The person who decides (default: the user of the system).'],
] as const;

/** The person who decides, and the reason, which has to be given. */
export function decisionFrom(input: CommandInput, clock: Clock) {
  const reason = String(input.options.reason ?? '').trim();
  if (reason === '')
    throw new TributaryError('usage', 'Give the reason by --reason: it is recorded with the decision.');
  return { decidedBy: personFrom(input), reason, decidedAtMs: clock.now() };
}

export function personFrom({ options }: CommandInput): string {
  return String(options.by ?? userInfo().username);
}
