import type { Command } from 'commander';
import type { CommandExamples } from './spec.ts';

/** Puts the examples above everything else that `--help` prints. */
export function addExamples(command: Command, examples: CommandExamples): void {
  const lines = examples.map(([line, meaning]) => `  # ${meaning}\n  ${line}`);
  command.addHelpText('before', `Examples:\n${lines.join('\n')}\n`);
}
