import { suggest } from '../cli/suggest.ts';
import type { SettingTable } from './kinds.ts';
import { COMMON_SETTINGS, PROGRAM_SETTINGS } from './known/index.ts';

/** A variable whose name starts so is ours, and has to be known. */
const OWN_PREFIXES = [
  'ORDER_SYNC_',
  'ORDER_MGT_',
  'EVENT_PRODUCER_',
  'TRIBUTARY_',
  'KAFKA_',
  // A misspelt one of these must not end in a connection without TLS.
  'DATABASE_TLS',
  'DATABASE_TSL',
  'DATABASE_SSL',
] as const;

/** Names with our prefixes that belong to Kafka's own start scripts and may be in the same environment. */
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

/** Every name that any program reads, with the `_FILE` twins. */
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

/** What Kubernetes and Docker add to the environment for a service whose name is like one of our programs'. */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;

export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = knownNames();
  const accepted = new Set([...known, ...FOREIGN_VARIABLES]);
  return Object.keys(env)
    .filter((name) => OWN_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !accepted.has(name) && !SERVICE_LINK.test(name) && !isServiceAddress(name, env[name]))
    .sort()
    .map((name) => unknownName(name, 'variable', env[name] ?? '', known));
}

export function unknownName(name: string, where: string, value: string, known: ReadonlySet<string>): string {
  const nearest = suggest(name, known);
  // Nobody knows what an unknown name holds, so only what cannot be a secret is shown.
  const shown = /^(\d{1,6}|true|false)$/i.test(value) ? value : '********';
  const remedy = nearest === null ? 'remove it, or see docs/settings.md' : `did you mean ${nearest}?`;
  return `${name} (${shown}) is not a ${where} that Tributary knows: ${remedy}`;
}

export function isServiceAddress(name: string, value: string | undefined): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp):\/\//.test(value ?? '');
}
