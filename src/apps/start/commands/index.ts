import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { initCommand } from './init.ts';
import { startCommand } from './start.ts';

/** The commands of `npm start`, in the sequence of its help. */
export function commandsOf(clock: Clock): CommandSpec<'tributary'>[] {
  return [startCommand(clock), initCommand()];
}
