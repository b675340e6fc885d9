import { type Command, Option } from 'commander';
import { inWordsOf } from '../settings/domain-words.ts';
import type { AnySetting } from '../settings/kinds.ts';
import { type LoadedSettings, loadSettings, type ProgramName, tableOf } from '../settings/load.ts';
import { ownDefault } from '../settings/settle-foreign.ts';
import { SYNCED_ORDERS, type Synced } from '../settings/synced.ts';
import type { OutputFormat } from './output.ts';
import type { CliHost, CliSubject } from './spec.ts';

/** The options of a program: one for each setting that has a flag. */
export function settingOptions(
  program: ProgramName,
  { synced = SYNCED_ORDERS }: Partial<CliSubject> = {},
): Option[] {
  return Object.values(tableOf(program, synced)).flatMap((setting) => {
    if (setting.flag === null) return [];
    const value = setting.kind === 'boolean' ? '[boolean]' : '<value>';
    const help = `${inWordsOf(synced, setting.help)} (${setting.env}, default: ${defaultFor(setting, synced)})`;
    return [new Option(`--${setting.flag} ${value}`, help).helpGroup('Settings:')];
  });
}

/** The default of a setting as people see it. */
function defaultFor({ env, fallbackText }: AnySetting, synced: Synced): string {
  if (synced !== SYNCED_ORDERS && env === 'ORDER_SYNC_TARGET_URL') return 'not set: nothing is sent';
  if (synced !== SYNCED_ORDERS && env === 'ORDER_SYNC_TABLE') return synced.domain.view.table;
  if (synced !== SYNCED_ORDERS && env === 'ORDER_SYNC_TARGET_CLOUDEVENTS_TYPE')
    return `${(synced.domain.noun ?? 'entity').replaceAll(/[^a-z0-9]+/gi, '.')}.state`;
  return ownDefault(env, synced, '<data directory>')?.text ?? fallbackText;
}

/** The settings by the command's options, the environment, the settings file and the defaults. */
export function loadFrom<Program extends ProgramName>(
  program: Program,
  command: Command,
  host: CliHost,
  subject: Partial<CliSubject> = {},
): LoadedSettings<Program> {
  const options = command.optsWithGlobals();
  const flags: Record<string, string | boolean | undefined> = {};
  for (const [key, setting] of Object.entries(tableOf(program))) {
    if (setting.flag === null) continue;
    flags[key] = options[new Option(`--${setting.flag}`).attributeName()];
  }
  return loadSettings(program, { ...subject, env: host.env, flags });
}

/** The form of output that the command line asks for. */
export function formatOf(command: Command): OutputFormat {
  const options = command.optsWithGlobals();
  return options.json === true ? 'json' : options.output;
}
