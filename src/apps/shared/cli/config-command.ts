import type { Command } from 'commander';
import type { ProgramName, SettingEntry } from '../settings/load.ts';
import { addExamples } from './help.ts';
import { formatOf, loadFrom } from './options.ts';
import { createOutput } from './output.ts';
import type { CliHost, CliSubject } from './spec.ts';

/** Adds `config show`. */
export function addConfigCommand(
  root: Command,
  program: ProgramName,
  host: CliHost,
  subject?: CliSubject,
): void {
  const config = root.command('config').description('The settings of this program.');
  const show = config
    .command('show')
    .description('Show every setting, its value (secrets masked) and its source.');
  const name = subject?.invocation ?? program;
  addExamples(show, [
    [`${name} config show`, 'The settings that this program would run with here'],
    [`${name} config show --json`, 'The same as JSON'],
  ]);
  show.action(async () => {
    const { entries } = loadFrom(program, show, host, subject);
    await createOutput(host.stdout, formatOf(show)).document(entries, entryTable(entries));
  });
}

function entryTable(entries: readonly SettingEntry[]): string {
  const nameWidth = Math.max(...entries.map((entry) => entry.name.length));
  const valueWidth = Math.max(...entries.map((entry) => entry.value.length));
  return entries
    .map((entry) => {
      const source = entry.source === 'default' ? 'default' : `${entry.source} (${entry.from})`;
      return `${entry.name.padEnd(nameWidth)}  ${entry.value.padEnd(valueWidth)}  ${source}`;
    })
    .join('\n');
}
