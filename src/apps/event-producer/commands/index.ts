import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { inspectCommand } from './inspect.ts';
import { loadCommand } from './load.ts';
import { publishCommand } from './publish.ts';
import { sendCommand } from './send.ts';

/** The commands of event-producer, in the sequence of its help. */
export function commandsOf(clock: Clock): CommandSpec<'event-producer'>[] {
  const others = [sendCommand(clock), loadCommand(clock), inspectCommand(clock)];
  const otherWords = [...others.map(({ name }) => name), 'config', 'completion'];
  return [publishCommand(clock, otherWords), ...others];
}
