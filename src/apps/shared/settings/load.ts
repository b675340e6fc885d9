import { readFileSync } from 'node:fs';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import { secretFileWarning } from '../process/private-files.ts';
import { type AnySetting, defaultOf, SettingFault, type SettingTable } from './kinds.ts';
import { type DatabaseValues, databaseFaults } from './known/database.ts';
import {
  COMMON_SETTINGS,
  type CommonSettings,
  PROGRAM_SETTINGS,
  type ProgramName,
  type SettingsOf,
} from './known/index.ts';
import { kafkaContradictions } from './known/kafka.ts';
import { OWN_TOPIC_SETTINGS } from './known/own-topics.ts';
import { ORDER_ONLY, type SourceSettings, sourceFaults } from './known/source.ts';
import { columnFaults, type TableValues } from './known/tables.ts';
import { type TargetSettingValues, targetFaults } from './known/target.ts';
import { ownDefault, type Settling, settleForeign } from './settle-foreign.ts';
import { SYNCED_ORDERS, type Synced } from './synced.ts';
import { isServiceAddress, knownNames, unknownName, unknownVariables } from './unknown-names.ts';

export type { CommonSettings, ProgramName, SettingsOf } from './known/index.ts';

export interface SettingsInput {
  /** `process.env`, which only a program's main.ts reads. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The values on the command line, by the setting's key (`loadFrom` in cli/options.ts). */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
  /** The domain that order-sync syncs. Default: the orders. */
  readonly synced?: Synced;
  /** Values that the program itself chooses, by the names of the variables. Everything else wins over them but the defaults. */
  readonly chosen?: Readonly<Record<string, string>>;
}

export interface LoadedSettings<Program extends ProgramName> {
  readonly values: SettingsOf<Program>;
  /** An entry for each setting, for `config show`. */
  readonly entries: readonly SettingEntry[];
  /** Warnings for the log at start: secrets in files that every user can read. */
  readonly warnings: readonly string[];
}

export interface SettingEntry {
  readonly name: string;
  /** The value, masked if it is secret. */
  readonly value: string;
  readonly source: 'flag' | 'env' | 'file' | 'default';
  /** The flag, variable or file that gave the value, or the default as the documentation writes it. */
  readonly from: string;
  readonly help: string;
}

/**
 * Loads the settings of one program. A flag wins over a variable, a variable over the file that TRIBUTARY_CONFIG names, and
 * the file over the default. An empty variable counts as not set.
 *
 * Throws `setting_invalid` for an invalid value, for a variable with one of our prefixes that no program knows, and for an
 * unknown name in the file. The message has all faults, one on each line, with name, value (secrets masked) and remedy.
 */
export function loadSettings<Program extends ProgramName>(
  program: Program,
  input: SettingsInput,
): LoadedSettings<Program> {
  const { synced = SYNCED_ORDERS } = input;
  const table = tableOf(program);
  const shown = tableOf(program, synced);
  const faults = [...unknownVariables(input.env), ...unknownChoices(input.chosen)];
  const file = readSettingsFile(input, faults);

  const values: Record<string, unknown> = {};
  const entries: SettingEntry[] = [];
  const warnings: string[] = [];
  for (const [key, setting] of Object.entries(table)) {
    try {
      const dataDirectory = String(values.dataDirectory ?? '.tributary');
      const given = Object.hasOwn(shown, key)
        ? (find(key, setting, input, file) ?? ownDefault(setting.env, synced, dataDirectory))
        : null;
      const value = given === null ? defaultOf(setting.fallback, dataDirectory) : parse(setting, given);
      values[key] = value;
      const warning = given?.file === undefined ? null : secretFileWarning(given.from, given.file);
      if (warning !== null) warnings.push(warning);
      if (!Object.hasOwn(shown, key)) continue;
      entries.push({
        name: setting.env,
        value: setting.show(value as never),
        source: given?.source ?? 'default',
        from: given?.from ?? setting.fallbackText,
        help: setting.help,
      });
    } catch (error) {
      if (!(error instanceof SettingFault)) throw error;
      faults.push(error.message);
    }
  }
  if (faults.length === 0) faults.push(...kafkaContradictions(values as CommonSettings));
  if (faults.length === 0 && 'orderSource' in values)
    faults.push(...sourceFaults(values as unknown as SourceSettings & CommonSettings));
  if (faults.length === 0 && isDatabaseProgram(program))
    faults.push(...databaseFaults(values as unknown as DatabaseValues, DATABASE_PREFIX[program]));
  if (faults.length === 0 && program === 'order-sync')
    faults.push(
      ...targetFaults(values as unknown as TargetSettingValues, synced.domain),
      ...columnFaults(values as TableValues, synced.domain.view),
    );
  if (program === 'order-sync') values.synced = synced;
  if (faults.length === 0 && program === 'order-sync' && synced !== SYNCED_ORDERS)
    faults.push(...settleForeign(values as unknown as Settling, entries));
  if (faults.length > 0) throw new TributaryError('setting_invalid', faults.join('\n'));
  return { values: values as SettingsOf<Program>, entries, warnings };
}

/** The common settings and the program's own, by key. Without those that the given domain has no use for. */
export function tableOf(program: ProgramName, synced?: Synced): SettingTable {
  const table: SettingTable = { ...COMMON_SETTINGS, ...PROGRAM_SETTINGS[program] };
  if (synced === undefined || program !== 'order-sync') return table;
  const unused: object = synced === SYNCED_ORDERS ? OWN_TOPIC_SETTINGS : ORDER_ONLY;
  return Object.fromEntries(Object.entries(table).filter(([key]) => !Object.hasOwn(unused, key)));
}

interface Given {
  readonly text: string;
  readonly source: 'flag' | 'env' | 'file' | 'default';
  readonly from: string;
  /** The file that held nothing but this value, as the file of a secret does. */
  readonly file?: string;
}

function find(
  key: string,
  setting: AnySetting,
  input: SettingsInput,
  file: ReadonlyMap<string, string>,
): Given | null {
  const flag = input.flags?.[key];
  if (flag !== undefined && setting.flag !== null) {
    return { text: String(flag), source: 'flag', from: `--${setting.flag}` };
  }
  const names = setting.alsoEnv === undefined ? [setting.env] : [setting.env, setting.alsoEnv];
  for (const name of names) {
    const given = fromVariable(name, setting, (wanted) => variable(input.env, wanted), 'env');
    if (given !== null) return given;
  }
  const inFile = fromVariable(setting.env, setting, (wanted) => file.get(wanted), 'file');
  const chosen = input.chosen?.[setting.env];
  if (inFile !== null || chosen === undefined) return inFile;
  return { text: chosen, source: 'default', from: `${setting.env} in the program` };
}

/** The value of a name, or the content of the file that `<name>_FILE` names. */
function fromVariable(
  name: string,
  setting: AnySetting,
  read: (name: string) => string | undefined,
  source: 'env' | 'file',
): Given | null {
  const direct = read(name);
  const path = setting.fromFile ? read(`${name}_FILE`) : undefined;
  if (path === undefined) return direct === undefined ? null : { text: direct, source, from: name };
  if (direct !== undefined) {
    throw new SettingFault(`${name} and ${name}_FILE are both set: keep one of them.`);
  }
  return { text: contentOf(name, path), source, from: `${name}_FILE`, file: path };
}

/** What a file of one value holds, without a byte order mark in front and the line ends at its end, which editors add. */
function contentOf(name: string, path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new SettingFault(
      `${name}_FILE names ${path}, which cannot be read (${messageOf(error)}): name a readable file.`,
    );
  }
  if (bytes.includes(0))
    throw new SettingFault(
      `${name}_FILE names ${path}, which is no text in UTF-8 (it has zero bytes, as UTF-16 does): write it in UTF-8.`,
    );
  return bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replace(/[\r\n]+$/, '');
}

/** The value of a variable. Undefined if it is empty, or if it is a service link of Kubernetes (`PORT=tcp://10.0.0.1:80`). */
function variable(env: SettingsInput['env'], name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  return isServiceAddress(name, value) ? undefined : value;
}

function parse(setting: AnySetting, given: Given): unknown {
  const isEmpty = given.file !== undefined && given.text === '';
  const empty = `${given.from} names ${given.file}, which is empty`;
  try {
    const value = setting.parse(given.text);
    if (!isEmpty) return value;
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error;
    if (isEmpty) throw new SettingFault(`${empty}: ${error.message}.`);
    throw new SettingFault(`${given.from} is ${quote(setting.mask(given.text))}: ${error.message}.`);
  }
  throw new SettingFault(`${empty}: write the value into it.`);
}

function quote(value: string): string {
  return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
}

/** The common settings as variables, without secrets. A program hands them on to the programs that it runs. */
export function commonVariables(values: CommonSettings): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [key, setting] of Object.entries(COMMON_SETTINGS)) {
    const value = values[key as keyof CommonSettings];
    if (value === undefined || setting.kind === 'secret') continue;
    variables[setting.env] = Array.isArray(value) ? value.join(',') : String(value);
  }
  return variables;
}

/** The settings of the file as texts, by variable name. Adds what is wrong with the file to `faults`. */
function readSettingsFile(input: SettingsInput, faults: string[]): Map<string, string> {
  const flag = input.flags?.config;
  const path = typeof flag === 'string' ? flag : variable(input.env, COMMON_SETTINGS.config.env);
  const settings = new Map<string, string>();
  if (path === undefined) return settings;

  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's message may quote the file, and with it a secret.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : messageOf(error);
    faults.push(`TRIBUTARY_CONFIG names ${path}, which cannot be read: ${reason}.`);
    return settings;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    faults.push(`TRIBUTARY_CONFIG names ${path}, which has to hold one JSON object of names and values.`);
    return settings;
  }
  const known = knownNames();
  for (const [name, value] of Object.entries(content)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const asText = Array.isArray(value) ? value.join(',') : isObject ? JSON.stringify(value) : String(value);
    if (!known.has(name)) faults.push(unknownName(name, `setting (in ${path})`, asText, known));
    else if (value !== null && asText !== '') settings.set(name, asText);
  }
  return settings;
}

function unknownChoices(chosen: SettingsInput['chosen'] = {}): string[] {
  const known = knownNames();
  return Object.entries(chosen)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => unknownName(name, 'setting', value, known));
}

const DATABASE_PREFIX = { 'order-sync': 'DATABASE', 'order-mgt': 'ORDER_MGT_DATABASE' } as const;

function isDatabaseProgram(program: ProgramName): program is keyof typeof DATABASE_PREFIX {
  return program in DATABASE_PREFIX;
}
