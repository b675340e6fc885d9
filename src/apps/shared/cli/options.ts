import { type Command, Option } from 'commander';
import { type LoadedSettings, loadSettings, type ProgramName, tableOf } from '../settings/load.ts';
import type { OutputFormat } from './output.ts';
import type { CliHost } from './spec.ts';

/** The options of a program: one for each setting that has a flag. */
export function settingOptions(program: ProgramName): Option[] {
  return Object.values(tableOf(program)).flatMap((setting) => {
    if (setting.flag === null) return [];
    const value = setting.kind === 'boolean' ? '[boolean]' : '<value>';
    const help = `${setting.help} (${setting.env}, default: ${setting.fallbackText})`;
    return [new Option(`--${setting.flag} ${value}`, help).helpGroup('Settings:')];
  });
}

/** The settings by the command's options, the environment, the settings file and the defaults. */
export function loadFrom<Program extends ProgramName>(
  program: Program,
  command: Command,
  host: CliHost,
): LoadedSettings<Program> {
  const options = command.optsWithGlobals();
  const flags: Record<string, string | boolean | undefined> = {};
  for (const [key, setting] of Object.entries(tableOf(program))) {
    if (setting.flag === null) continue;
    flags[key] = options[new Option(`--${setting.flag}`).attributeName()];
  }
  return loadSettings(program, { env: host.env, flags });
}

/** The form of output that the command line asks for. */
export function formatOf(command: Command): OutputFormat {
  const options = command.optsWithGlobals();
  return options.json === true ? 'json' : options.output;
}
