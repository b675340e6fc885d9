import { userInfo } from 'node:os';
import { TributaryError } from '../../core/errors.ts';
import type { Decision } from '../../ports/audit.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommandInput } from '../shared/cli/spec.ts';

/** The options of a command by which an operator decides something. */
export const DECISION_OPTIONS = [
  ['--reason <text>', 'The reason, which is recorded.'],
  ['--by <name>', 'The person who decides (default: the user of the system).'],
] as const;

/** The decision that these options tell of. Throws `usage` if they give no reason. */
export function decisionFrom({ options }: CommandInput, clock: Pick<Clock, 'now'>): Decision {
  const reason = String(options.reason ?? '').trim();
  if (reason === '')
    throw new TributaryError('usage', 'Give the reason by --reason: it is recorded with the decision.');
  return { decidedBy: String(options.by ?? userInfo().username), reason, decidedAtMs: clock.now() };
}
