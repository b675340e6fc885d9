import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { KafkaLogin } from '../../../adapters/kafka/index.ts';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { Logger } from '../../../ports/logger.ts';
import { whoHolds } from '../process/lock-holder.ts';
import { prepareDatabaseFile, secretFileWarning } from '../process/private-files.ts';
import { COMMON_SETTINGS } from '../settings/known/index.ts';
import { openWayWarning } from '../settings/known/kafka.ts';
import type { CommonSettings } from '../settings/load.ts';

export interface LogTuning {
  /** The client id of this program, by which Kafka's own logs and quotas call it. */
  readonly clientId?: string;
  /** A member of a group that gives no sign of life for this time loses its partitions. */
  readonly sessionTimeoutMs?: number;
}

/**
 * Opens the event log that the settings choose: Kafka if they name brokers, else the embedded log in the data directory.
 * Connects to Kafka when the log is first used. Rejects with `setting_invalid` if a file does not hold the certificates or the
 * key that it has to hold. Loads the chosen adapter alone, so that a command line starts sooner.
 */
export async function openEventLog(
  settings: CommonSettings,
  clock: Clock,
  logger: Logger,
  tuning: LogTuning = {},
): Promise<EventLog> {
  const session = tuning.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: tuning.sessionTimeoutMs };
  if (!isKafka(settings)) {
    prepareDatabaseFile(join(settings.dataDirectory, 'event-log.sqlite'), 'TRIBUTARY_DATA_DIR');
    const { openEmbeddedLog } = await import('../../../adapters/embedded-log/index.ts');
    return openEmbeddedLog({ dataDir: settings.dataDirectory, clock, logger, whoHolds, ...session });
  }
  const kafka = await import('../../../adapters/kafka/index.ts');
  const warning = openWayWarning(settings);
  if (warning !== null) logger('warn', warning);
  for (const [name, path] of [
    ['KAFKA_TLS_KEY_FILE', settings.kafkaTlsKeyFile],
    ['KAFKA_SASL_OAUTH_TOKEN_FILE', settings.kafkaOauthTokenFile],
  ] as const) {
    const shared = path === undefined ? null : secretFileWarning(name, path);
    if (shared !== null) logger('warn', shared);
  }
  const login = loginOf(settings, clock, kafka);
  return kafka.openKafkaLog({
    brokers: settings.kafkaBrokers,
    clock,
    logger,
    ...(tuning.clientId === undefined ? {} : { clientId: tuning.clientId }),
    ...session,
    ...(settings.kafkaTls ? { tls: tlsOf(settings) } : {}),
    ...(login === undefined ? {} : { login }),
    allowsOpenLogin: settings.kafkaAllowsOpenLogin,
  });
}

/** Whether the settings choose Kafka. */
export function isKafka(settings: CommonSettings): boolean {
  return settings.kafkaBrokers.length > 0;
}

/** The flags by which another program uses the same log. The list is empty if its defaults do. */
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

function tlsOf(settings: CommonSettings): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const { kafkaTlsCaFile, kafkaTlsCertFile, kafkaTlsKeyFile } = settings;
  return {
    ...(kafkaTlsCaFile === undefined ? {} : { ca: certificatesIn('KAFKA_TLS_CA_FILE', kafkaTlsCaFile) }),
    ...(kafkaTlsCertFile === undefined || kafkaTlsKeyFile === undefined
      ? {}
      : ownCertificate(kafkaTlsCertFile, kafkaTlsKeyFile)),
  };
}

function ownCertificate(certFile: string, keyFile: string): { cert: Buffer; key: Buffer } {
  const cert = certificatesIn('KAFKA_TLS_CERT_FILE', certFile);
  const key = contentOf('KAFKA_TLS_KEY_FILE', keyFile);
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `KAFKA_TLS_KEY_FILE names ${keyFile}, which holds no readable private key (${messageOf(error)}): name a PEM file of a key that is not encrypted.`,
    );
  }
  if (!isPair) {
    throw new TributaryError(
      'setting_invalid',
      `The key in ${keyFile} (KAFKA_TLS_KEY_FILE) does not belong to the first certificate in ${certFile} (KAFKA_TLS_CERT_FILE): name a certificate and its own key.`,
    );
  }
  return { cert, key };
}

/** The content of a file of certificates. Throws if there is none in it, because then the system's authorities would count. */
function certificatesIn(name: string, path: string): Buffer {
  const content = contentOf(name, path);
  try {
    new X509Certificate(content);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `${name} names ${path}, which holds no certificate (${messageOf(error)}): name a PEM file that begins with -----BEGIN CERTIFICATE-----.`,
    );
  }
  return content;
}

function contentOf(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `${name} names ${path}, which cannot be read (${messageOf(error)}): name a readable PEM file.`,
    );
  }
}

const SASL_MECHANISM = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/** The login that the settings choose. `loadSettings` has made sure that every mechanism has what it needs. */
function loginOf(
  settings: CommonSettings,
  clock: Clock,
  kafka: Pick<typeof import('../../../adapters/kafka/index.ts'), 'tokenFromEndpoint' | 'tokenFromFile'>,
): KafkaLogin | undefined {
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = settings;
  if (kafkaSaslMechanism === undefined) return undefined;
  if (kafkaSaslMechanism !== 'oauthbearer') {
    if (kafkaSaslUsername === undefined || kafkaSaslPassword === undefined) return undefined;
    return {
      mechanism: SASL_MECHANISM[kafkaSaslMechanism],
      username: kafkaSaslUsername,
      password: kafkaSaslPassword,
    };
  }
  const { kafkaOauthTokenFile, kafkaOauthCaFile } = settings;
  const token =
    kafkaOauthTokenFile !== undefined
      ? kafka.tokenFromFile(kafkaOauthTokenFile, clock)
      : kafka.tokenFromEndpoint(
          {
            url: settings.kafkaOauthTokenUrl,
            clientId: settings.kafkaOauthClientId ?? '',
            clientSecret: settings.kafkaOauthClientSecret ?? '',
            scope: settings.kafkaOauthScope,
            audience: settings.kafkaOauthAudience,
            ca:
              kafkaOauthCaFile === undefined
                ? undefined
                : certificatesIn('KAFKA_SASL_OAUTH_CA_FILE', kafkaOauthCaFile),
          },
          clock,
        );
  const extensions = Object.fromEntries(
    settings.kafkaOauthExtensions.map((item) => {
      const equals = item.indexOf('=');
      return [item.slice(0, equals), item.slice(equals + 1)];
    }),
  );
  return { mechanism: 'OAUTHBEARER', token, extensions };
}
