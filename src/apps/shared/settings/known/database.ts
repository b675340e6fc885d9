import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ServerAddress, ServerTls } from '../../../../adapters/mysql/index.ts';
import { pemFault } from '../../../../adapters/pem.ts';
import { messageOf, TributaryError } from '../../../../core/errors.ts';
import type { Logger } from '../../../../ports/logger.ts';
import { isLoopback } from '../../http/loopback.ts';
import { type DatabaseUrl, parseDatabaseUrl } from '../database-url.ts';
import { choice, databaseUrl, SettingFault, text } from '../kinds.ts';
import type { TlsCheck } from '../tls-words.ts';

const TLS_CHOICES = ['required', 'required-without-name', 'required-without-verification', 'off'] as const;
const CHECK_OF = {
  required: 'name',
  'required-without-name': 'authority',
  'required-without-verification': 'nothing',
} as const satisfies Record<string, TlsCheck>;

/** The settings of a program's database. Their variables begin with `prefix`. */
export function databaseSettings<Prefix extends string>(prefix: Prefix, file: string, help: string) {
  return {
    databaseUrl: databaseUrl({
      env: `${prefix}_URL`,
      flag: 'database-url',
      default: (dataDirectory) => `sqlite:${join(dataDirectory, file)}`,
      help,
    }),
    databaseTls: choice({
      env: `${prefix}_TLS`,
      flag: 'database-tls',
      choices: TLS_CHOICES,
      synonyms: { true: 'required', on: 'required', false: 'off' },
      help:
        'TLS to the database: required (certificate and name verified), required-without-name, ' +
        'required-without-verification (anybody can pose as the server) or off. By default the URL decides.',
    }),
    databaseTlsCaFile: text({
      env: `${prefix}_TLS_CA_FILE`,
      flag: 'database-tls-ca-file',
      help: "PEM file of the authorities that sign the database's certificate, if not the system's.",
    }),
    databaseTlsCertFile: text({
      env: `${prefix}_TLS_CERT_FILE`,
      flag: 'database-tls-cert-file',
      help: 'PEM file of the certificate to show to the database.',
    }),
    databaseTlsKeyFile: text({
      env: `${prefix}_TLS_KEY_FILE`,
      flag: 'database-tls-key-file',
      help: "PEM file of that certificate's private key, without a passphrase.",
    }),
    databaseTlsServerName: text({
      env: `${prefix}_TLS_SERVER_NAME`,
      flag: 'database-tls-server-name',
      help: "The name in the database's certificate, if it is not the host of the URL.",
    }),
  };
}

/** The values of these settings. */
export interface DatabaseValues {
  readonly databaseUrl: string;
  readonly databaseTls?: (typeof TLS_CHOICES)[number] | undefined;
  readonly databaseTlsCaFile?: string | undefined;
  readonly databaseTlsCertFile?: string | undefined;
  readonly databaseTlsKeyFile?: string | undefined;
  readonly databaseTlsServerName?: string | undefined;
}

/** The beginning of the variables: DATABASE for order-sync, ORDER_MGT_DATABASE for order-mgt. */
export type DatabasePrefix = 'DATABASE' | 'ORDER_MGT_DATABASE';

interface TlsPlan {
  readonly check: TlsCheck;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly serverName: string | undefined;
  readonly onlyTls13: boolean;
}

/** The TLS that URL and settings ask for together, null for none, or a sentence about the fault in them. */
function planOf(values: DatabaseValues, prefix: DatabasePrefix): TlsPlan | null | { fault: string } {
  const { databaseTls, databaseTlsServerName: serverName } = values;
  const files = [
    ['CA_FILE', values.databaseTlsCaFile, 'caFile'],
    ['CERT_FILE', values.databaseTlsCertFile, 'certFile'],
    ['KEY_FILE', values.databaseTlsKeyFile, 'keyFile'],
  ] as const;
  const given = files.find(([, value]) => value !== undefined)?.[0] ?? (serverName && 'SERVER_NAME');
  const url = parseDatabaseUrl(values.databaseUrl);
  if (url.kind === 'sqlite') {
    if ((databaseTls === undefined || databaseTls === 'off') && given === undefined) return null;
    const name = given === undefined ? `${prefix}_TLS` : `${prefix}_TLS_${given}`;
    return {
      fault: `${name} is set, but ${prefix}_URL names a file: set ${prefix}_URL to a mysql:// URL too.`,
    };
  }
  const { tls } = url;
  const isOn = databaseTls === undefined ? tls.isOn : databaseTls !== 'off';
  if (tls.isOn !== undefined && tls.isOn !== isOn) {
    return {
      fault: `${prefix}_TLS is "${databaseTls}", and ${prefix}_URL says ${tls.words}: keep one of them.`,
    };
  }
  if (isOn !== true) {
    if (given === undefined) return null;
    return { fault: `${prefix}_TLS_${given} is set, but no TLS is asked for: set ${prefix}_TLS=required.` };
  }
  const settingCheck = databaseTls === undefined || databaseTls === 'off' ? undefined : CHECK_OF[databaseTls];
  if (tls.check !== undefined && settingCheck !== undefined && tls.check !== settingCheck) {
    return {
      fault: `${prefix}_TLS is "${databaseTls}", and ${prefix}_URL says ${tls.words}: keep one of them.`,
    };
  }
  for (const [name, value, key] of files) {
    if (value !== undefined && tls[key] !== undefined && tls[key] !== value)
      return { fault: `${prefix}_TLS_${name} and ${prefix}_URL name different files: keep one of them.` };
  }
  const [caFile, certFile, keyFile] = files.map(([, value, key]) => value ?? tls[key]);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'CERT_FILE' : 'KEY_FILE';
    const there = certFile === undefined ? 'KEY_FILE' : 'CERT_FILE';
    return { fault: `${prefix}_TLS_${there} is set without ${prefix}_TLS_${missing}: set both.` };
  }
  const check = settingCheck ?? tls.check ?? 'name';
  return { check, caFile, certFile, keyFile, serverName, onlyTls13: tls.onlyTls13 };
}

/** Faults of settings that are right alone and wrong together, as sentences. */
export function databaseFaults(values: DatabaseValues, prefix: DatabasePrefix): string[] {
  const plan = planOf(values, prefix);
  return plan !== null && 'fault' in plan ? [plan.fault] : [];
}

/** A database on a server, with the way to speak to it, or a database in a file. */
export type Database =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'mysql'; readonly address: ServerAddress; readonly tls: ServerTls | null };

/** Reads the URL and the files that the settings name. Throws `setting_invalid`. */
export function databaseOf(values: DatabaseValues, prefix: DatabasePrefix): Database {
  let url: DatabaseUrl;
  try {
    url = parseDatabaseUrl(values.databaseUrl);
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error;
    throw new TributaryError('setting_invalid', `${prefix}_URL cannot be used: ${error.message}.`);
  }
  const plan = planOf(values, prefix);
  if (plan !== null && 'fault' in plan) throw new TributaryError('setting_invalid', plan.fault);
  if (url.kind === 'sqlite') return url;
  const { host, port, user, password, database } = url;
  const address = { host, port, user, password, database };
  if (plan === null) return { kind: 'mysql', address, tls: null };
  const { check, serverName, onlyTls13 } = plan;
  const read = (key: 'ca' | 'cert' | 'key', path: string | undefined) =>
    path === undefined ? {} : { [key]: pemFrom(path, `${prefix}_TLS_${key.toUpperCase()}_FILE`) };
  const files = { ...read('ca', plan.caFile), ...read('cert', plan.certFile), ...read('key', plan.keyFile) };
  try {
    createSecureContext(files);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `The files of ${prefix}_TLS_CA_FILE, _CERT_FILE and _KEY_FILE (or of the URL) do not go together ` +
        `(${messageOf(error)}): give certificates in PEM, and the key of the certificate.`,
    );
  }
  const name = serverName === undefined ? {} : { serverName };
  return { kind: 'mysql', address, tls: { check, onlyTls13, ...name, ...files } };
}

function pemFrom(path: string, setting: string): string {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `${setting} (or the URL) names ${path}, which cannot be read (${messageOf(error)}): name a readable PEM file.`,
    );
  }
  const fault = pemFault(content, setting.endsWith('_KEY_FILE') ? 'key' : 'certificates');
  if (fault !== null)
    throw new TributaryError('setting_invalid', `${setting} (or the URL) names ${path}, which ${fault}.`);
  return content.toString('utf8');
}

/** Warns at start if others can read or change the traffic with the database. */
export function warnOfOpenConnection(database: Database, prefix: DatabasePrefix, logger: Logger): void {
  if (database.kind === 'sqlite') return;
  const { address, tls } = database;
  if (tls?.check === 'nothing') {
    logger(
      'warn',
      `TLS to the database at ${address.host} verifies nothing, so anybody on the network between can pose as the server: ` +
        `set ${prefix}_TLS=required, and ${prefix}_TLS_CA_FILE for a private authority.`,
    );
  }
  if (tls === null && !isLoopback(address.host)) {
    logger(
      'warn',
      `The connection to the database at ${address.host} is not protected: everybody on the network between can read and ` +
        `change its traffic. Set ${prefix}_TLS=required.`,
    );
  }
}

/** The user of `--grants-for`, which is `'name'@'host'` as in SQL, or a name alone. Throws `usage` for anything else. */
export function userFrom(given: string | boolean | undefined): string | null {
  if (given === undefined) return null;
  const match = /^(['`]?)([\w.-]+)\1(?:@(['`]?)([\w.:%/-]+)\3)?$/.exec(String(given));
  if (match === null)
    throw new TributaryError(
      'usage',
      `Give the user as SQL writes it, as in --grants-for "'sync'@'10.0.0.%'".`,
    );
  return `'${match[2]}'@'${match[4] ?? '%'}'`;
}
