import { loginFault } from '../../../core/url-login.ts';
import { maskDatabaseUrl, parseDatabaseUrl } from './database-url.ts';
import { SettingFault } from './fault.ts';

/**
 * A setting. It turns the text of a flag, a variable or a file into a value of its type, or throws a `SettingFault` that says
 * what would be right.
 */
export interface Setting<Value> {
  /** The environment variable, which is also the name in the settings file. */
  readonly env: string;
  /** A variable that many programs know (`PORT`). It is read if `env` is not set. */
  readonly alsoEnv?: string;
  /** The long flag without its dashes. Secrets have no flag, because every user can read command lines. */
  readonly flag: string | null;
  readonly kind: SettingKind;
  /** The meaning of the setting, in one sentence. */
  readonly help: string;
  /** The value when nothing is set. A function makes it from the data directory. */
  readonly fallback: Value | ((dataDirectory: string) => Value);
  /** The default as the documentation writes it. */
  readonly fallbackText: string;
  parse(text: string): Value;
  /** The value as people may see it, with secrets masked. */
  show(value: Value): string;
  /** The given text as people may see it, also if it is invalid. */
  mask(text: string): string;
  /** Whether `<env>_FILE` may name a file that holds the value. */
  readonly fromFile: boolean;
}

export type SettingKind =
  | 'text'
  | 'integer'
  | 'duration in ms'
  | 'boolean'
  | 'URL'
  | 'list'
  | 'choice'
  | 'secret';

// Parameters and results both have the value's type, so only the shape can say "any setting".
export type AnySetting = {
  readonly [Name in keyof Setting<unknown>]: Name extends 'parse'
    ? (text: string) => unknown
    : Name extends 'show'
      ? (value: never) => string
      : Setting<unknown>[Name];
};

export type SettingTable = Readonly<Record<string, AnySetting>>;

export type ValuesOf<Table extends SettingTable> = {
  readonly [Key in keyof Table]: ReturnType<Table[Key]['parse']>;
};

export { SettingFault } from './fault.ts';

interface Common {
  readonly env: string;
  readonly alsoEnv?: string;
  readonly flag?: string;
  readonly help: string;
}

const MASK = '********';

export function text(
  options: Common & { default: string | ((dataDirectory: string) => string) },
): Setting<string>;
export function text(
  options: Common & { defaultText?: string; check?: (given: string) => void },
): Setting<string | undefined>;
export function text(
  options: Common & {
    default?: string | ((dataDirectory: string) => string);
    defaultText?: string;
    check?: (given: string) => void;
  },
): Setting<string | undefined> {
  return make(options, 'text', options.default, (given) => {
    options.check?.(given);
    return given;
  });
}

export function integer(options: Common & { default: number; min: number; max: number }): Setting<number> {
  const { min, max } = options;
  return make(options, 'integer', options.default, (given) => {
    const value = Number(given);
    if (!/^[+-]?\d+$/.test(given) || value < min || value > max) {
      throw new SettingFault(`give a whole number from ${min} to ${max}`);
    }
    return value;
  });
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A duration in milliseconds. It may be given as `15000`, `15000ms`, `15s`, `2m` or `1h`. */
export function duration(options: Common & { default: number; min: number; max: number }): Setting<number> {
  const { min, max } = options;
  return make(options, 'duration in ms', options.default, (given) => {
    const match = /^(\d+)(ms|s|m|h)?$/.exec(given);
    const value = match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] ?? 1);
    if (!(value >= min && value <= max)) {
      throw new SettingFault(`give milliseconds from ${min} to ${max}, or a number with s, m or h`);
    }
    return value;
  });
}

export function boolean(options: Common & { default: boolean }): Setting<boolean> {
  return make(options, 'boolean', options.default, (given) => {
    const lower = given.toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(lower)) return true;
    if (['false', '0', 'no', 'off'].includes(lower)) return false;
    throw new SettingFault('give true or false');
  });
}

export function choice<const Choice extends string>(
  options: Common & { choices: readonly Choice[]; default: Choice },
): Setting<Choice>;
export function choice<const Choice extends string>(
  options: Common & { choices: readonly Choice[]; synonyms?: Readonly<Record<string, NoInfer<Choice>>> },
): Setting<Choice | undefined>;
export function choice<const Choice extends string>(
  options: Common & {
    choices: readonly Choice[];
    default?: Choice;
    synonyms?: Readonly<Record<string, Choice>>;
  },
): Setting<Choice | undefined> {
  return make(options, 'choice', options.default, (given) => {
    const lower = given.toLowerCase();
    const found = options.choices.find((candidate) => candidate === lower) ?? options.synonyms?.[lower];
    if (found === undefined) throw new SettingFault(`give one of ${options.choices.join(', ')}`);
    return found;
  });
}

/** A list of items with commas between them. Blanks around an item are dropped. `check` throws a `SettingFault` for a wrong item. */
export function list(
  options: Common & { default: readonly string[]; defaultText: string; check: (item: string) => void },
): Setting<readonly string[]> {
  return make(options, 'list', options.default, (given) => {
    const items = given
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    for (const item of items) options.check(item);
    return items;
  });
}

/**
 * A URL. Its password and the parameters that look secret are never shown, and a file may give it. `protocols` are written
 * with their colons.
 */
export function url(
  options: UrlOptions & { default: string | ((dataDirectory: string) => string) },
): Setting<string> {
  const parse = (given: string) => checkedUrl(given, options);
  return { ...make(options, 'URL', options.default, parse), fromFile: true, mask: maskUrl, show: maskUrl };
}

/** A URL that may be missing. Otherwise as `url`. */
export function optionalUrl(options: UrlOptions): Setting<string | undefined> {
  const show = (value: string | undefined) => (value === undefined ? 'not set' : maskUrl(value));
  const parse = (given: string) => checkedUrl(given, options);
  return {
    ...make<string | undefined>(options, 'URL', undefined, parse),
    fromFile: true,
    mask: maskUrl,
    show,
  };
}

interface UrlOptions extends Common {
  protocols: readonly string[];
  example: string;
  check?: (parsed: URL) => void;
}

function checkedUrl(given: string, { protocols, example, check }: UrlOptions): string {
  const expected = `give a URL like ${example}`;
  const login = loginFault(given);
  if (login !== null) throw new SettingFault(login);
  if (!URL.canParse(given)) throw new SettingFault(expected);
  const parsed = new URL(given);
  if (!protocols.includes(parsed.protocol)) {
    throw new SettingFault(`${expected} (it has to start with ${protocols.join(' or ')})`);
  }
  check?.(parsed);
  return given;
}

/** The URL of a database, with its words for TLS. Its password is never shown, and a file may give it. */
export function databaseUrl(
  options: Common & { default: (dataDirectory: string) => string },
): Setting<string> {
  const parse = (given: string) => {
    parseDatabaseUrl(given);
    return given;
  };
  const made = make(options, 'URL', options.default, parse);
  return { ...made, fromFile: true, mask: maskDatabaseUrl, show: maskDatabaseUrl };
}

/**
 * The URL of a proxy, as the variables of many programs have it. Its user and password are never shown. Any text is taken:
 * whoever uses the proxy judges it, so that a value for other programs hinders nobody.
 */
export function proxy(options: Common): Setting<string | undefined> {
  const show = (value: string | undefined) => (value === undefined ? 'not set' : maskUrl(value));
  return {
    ...make<string | undefined>(options, 'URL', undefined, (given) => given),
    fromFile: true,
    mask: maskUrl,
    show,
  };
}

/** A secret. It is never shown, it has no flag, and a file may give it. */
export function secret(
  options: Omit<Common, 'flag'> & { check?: (given: string) => void },
): Setting<string | undefined> {
  const parse = (given: string) => {
    options.check?.(given);
    return given;
  };
  return {
    ...make<string | undefined>(options, 'secret', undefined, parse),
    fromFile: true,
    mask: () => MASK,
    show: (value) => (value === undefined ? 'not set' : MASK),
  };
}

function make<Value>(
  options: Common & { defaultText?: string },
  kind: SettingKind,
  fallback: Value | ((dataDirectory: string) => Value),
  parse: (given: string) => Value,
): Setting<Value> {
  const show = (value: Value) =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
      ? 'not set'
      : String(value);
  return {
    env: options.env,
    ...(options.alsoEnv === undefined ? {} : { alsoEnv: options.alsoEnv }),
    flag: options.flag ?? null,
    kind,
    help: options.help,
    fallback,
    fallbackText: options.defaultText ?? show(defaultOf(fallback, '<data directory>')),
    parse,
    show,
    mask: (given) => given,
    fromFile: false,
  };
}

/** The default value. `dataDirectory` is put into a default that is made from it. */
export function defaultOf<Value>(
  fallback: Value | ((dataDirectory: string) => Value),
  dataDirectory: string,
): Value {
  return typeof fallback === 'function'
    ? (fallback as (dataDirectory: string) => Value)(dataDirectory)
    : fallback;
}

/** Masks user, password and the parameters that look secret, also in a text that is no valid URL. */
export function maskUrl(given: string): string {
  const at = given.lastIndexOf('@');
  const start = given.indexOf('//');
  const credentialsHidden =
    at === -1
      ? given
      : `${start === -1 || start > at ? '' : given.slice(0, start + 2)}${MASK}${given.slice(at)}`;
  return credentialsHidden.replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, `$1${MASK}`);
}
