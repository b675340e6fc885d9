import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import { COMMON_SETTINGS } from './known-settings.ts';
import { whoHolds } from './lock-holder.ts';
import type { CommonSettings } from './settings.ts';

export interface LogTuning {
  /** How Kafka's own logs and quotas call this program. */
  readonly clientId?: string;
  /** After so long without a sign of life a group's member loses its partitions. */
  readonly sessionTimeoutMs?: number;
}

/**
 * The event log that the settings choose: Kafka if there are brokers, else the embedded log in the data
 * directory. Kafka is first asked for something when the log is first used. Rejects with `setting_invalid` if the
 * CA file cannot be read. Only the adapter that is chosen is loaded: a command line starts sooner without the rest.
 */
export async function openEventLog(
  settings: CommonSettings,
  clock: Clock,
  log: Logger,
  tuning: LogTuning = {},
): Promise<EventLog> {
  const session = tuning.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: tuning.sessionTimeoutMs };
  if (!isKafka(settings)) {
    const { openEmbeddedLog } = await import('../../adapters/embedded-log/index.ts');
    return openEmbeddedLog({ dataDir: settings.dataDirectory, clock, log, whoHolds, ...session });
  }
  const { openKafkaLog } = await import('../../adapters/kafka/index.ts');
  return openKafkaLog({
    brokers: settings.kafkaBrokers,
    clock,
    log,
    ...(tuning.clientId === undefined ? {} : { clientId: tuning.clientId }),
    ...session,
    ...(settings.kafkaTls ? { tls: tlsOf(settings) } : {}),
    ...saslOf(settings),
  });
}

/** Whether the settings choose Kafka. */
export function isKafka(settings: CommonSettings): boolean {
  return settings.kafkaBrokers.length > 0;
}

/** The flags that have another program use the same log; none if it would do so by its defaults. */
export function sameLogFlags(settings: CommonSettings): string[] {
  const flags: string[] = [];
  const add = (flag: string, value: string) => void flags.push(`--${flag}`, shellWord(value));
  if (isKafka(settings)) add('kafka-brokers', settings.kafkaBrokers.join(','));
  const directory = resolve(settings.dataDirectory);
  if (!isKafka(settings) && directory !== resolve(COMMON_SETTINGS.dataDirectory.fallback as string))
    add('data-dir', directory);
  for (const key of ['orderTopic', 'paymentTopic'] as const) {
    const { flag, fallback } = COMMON_SETTINGS[key];
    if (flag !== null && settings[key] !== fallback) add(flag, settings[key]);
  }
  return flags;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function tlsOf(settings: CommonSettings): { ca?: Buffer } {
  const path = settings.kafkaTlsCaFile;
  if (path === undefined) return {};
  try {
    return { ca: readFileSync(path) };
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `KAFKA_TLS_CA_FILE names ${path}, which cannot be read (${messageOf(error)}): name a readable PEM file.`,
    );
  }
}

const SASL_MECHANISM = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

function saslOf(settings: CommonSettings) {
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = settings;
  // Mechanism, user name and password come together: `loadSettings` has seen to it.
  if (
    kafkaSaslMechanism === undefined ||
    kafkaSaslUsername === undefined ||
    kafkaSaslPassword === undefined
  ) {
    return {};
  }
  return {
    sasl: {
      mechanism: SASL_MECHANISM[kafkaSaslMechanism],
      username: kafkaSaslUsername,
      password: kafkaSaslPassword,
    },
  };
}
