import { suggest } from '../cli/suggest.ts';
import type { SettingTable } from './kinds.ts';
import { COMMON_SETTINGS, PROGRAM_SETTINGS } from './known/index.ts';

/** A variable whose name begins with one of these is ours, so it has to be known. */
const OWN_PREFIXES = [
  'ORDER_SYNC_',
  'ORDER_MGT_',
  'EVENT_PRODUCER_',
  'TRIBUTARY_',
  'KAFKA_',
  // A misspelt source would send every record to quarantine.
  'ORDER_SOURCE',
  'PAYMENT_SOURCE',
  // A misspelt name of these must not end in a connection without TLS.
  'DATABASE_TLS',
  'DATABASE_TSL',
  'DATABASE_SSL',
] as const;

/** Variables of Kafka's own start scripts. They have our prefixes and may be in the same environment. */
const FOREIGN_VARIABLES: readonly string[] = [
  'KAFKA_HOME',
  'KAFKA_OPTS',
  'KAFKA_HEAP_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_JMX_OPTS',
  'KAFKA_DEBUG',
];

/** The names of all variables that any program reads, those with `_FILE` included. */
export function knownNames(): Set<string> {
  const names = new Set<string>();
  for (const table of [COMMON_SETTINGS, ...Object.values(PROGRAM_SETTINGS)] as readonly SettingTable[]) {
    for (const setting of Object.values(table)) {
      names.add(setting.env);
      if (setting.fromFile) names.add(`${setting.env}_FILE`);
      if (setting.alsoEnv !== undefined) names.add(setting.alsoEnv);
    }
  }
  return names;
}

/** Variables that Kubernetes and Docker add for a service that is named like one of our programs. */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;

/** One sentence for each variable with one of our prefixes that no program knows. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = knownNames();
  const accepted = new Set([...known, ...FOREIGN_VARIABLES]);
  return Object.keys(env)
    .filter((name) => OWN_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !accepted.has(name) && !SERVICE_LINK.test(name) && !isServiceAddress(name, env[name]))
    .sort()
    .map((name) => unknownName(name, 'variable', env[name] ?? '', known));
}

/** Says that a name is unknown, and which name was probably meant. */
export function unknownName(name: string, where: string, value: string, known: ReadonlySet<string>): string {
  const nearest = suggest(name, known);
  // An unknown variable may hold a secret, so only values are shown that cannot be one.
  const shown = /^(\d{1,6}|true|false)$/i.test(value) ? value : '********';
  const remedy = nearest === null ? 'remove it, or see docs/settings.md' : `did you mean ${nearest}?`;
  return `${name} (${shown}) is not a ${where} that Tributary knows: ${remedy}`;
}

/** Whether the variable is the address of a service, which Kubernetes sets. */
export function isServiceAddress(name: string, value: string | undefined): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp):\/\//.test(value ?? '');
}
