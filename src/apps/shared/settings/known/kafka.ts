import { isLoopback } from '../../http/loopback.ts';
import { checkBroker } from '../checks.ts';
import {
  boolean,
  choice,
  list,
  SettingFault,
  type SettingTable,
  secret,
  text,
  url,
  type ValuesOf,
} from '../kinds.ts';

/** The settings by which every program reaches Kafka. */
export const KAFKA_SETTINGS = {
  kafkaBrokers: list({
    env: 'KAFKA_BROKERS',
    flag: 'kafka-brokers',
    default: [],
    defaultText: 'not set: the embedded log',
    help: 'Addresses of Kafka brokers: host:port, with commas between them.',
    check: checkBroker,
  }),
  kafkaTls: boolean({
    env: 'KAFKA_TLS',
    flag: 'kafka-tls',
    default: false,
    help: 'Speak TLS to Kafka and verify its certificate.',
  }),
  kafkaTlsCaFile: text({
    env: 'KAFKA_TLS_CA_FILE',
    flag: 'kafka-tls-ca-file',
    help: "PEM file of the authorities that sign Kafka's certificate, if not the system's.",
  }),
  kafkaTlsCertFile: text({
    env: 'KAFKA_TLS_CERT_FILE',
    flag: 'kafka-tls-cert-file',
    help: 'PEM file of the certificate that this program shows to Kafka, with its intermediate certificates.',
  }),
  kafkaTlsKeyFile: text({
    env: 'KAFKA_TLS_KEY_FILE',
    flag: 'kafka-tls-key-file',
    help: "PEM file of that certificate's private key, not encrypted.",
  }),
  kafkaSaslMechanism: choice({
    env: 'KAFKA_SASL_MECHANISM',
    flag: 'kafka-sasl-mechanism',
    choices: ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'],
    help: 'How to log in to Kafka: plain, scram-sha-256, scram-sha-512 or oauthbearer.',
  }),
  kafkaSaslUsername: text({
    env: 'KAFKA_SASL_USERNAME',
    flag: 'kafka-sasl-username',
    help: 'The user name at Kafka.',
  }),
  kafkaSaslPassword: secret({ env: 'KAFKA_SASL_PASSWORD', help: 'The password at Kafka.' }),
  kafkaOauthTokenFile: text({
    env: 'KAFKA_SASL_OAUTH_TOKEN_FILE',
    flag: 'kafka-sasl-oauth-token-file',
    help: 'File that holds the token for oauthbearer. It is read again for every connection, and before the token expires.',
  }),
  kafkaOauthTokenUrl: url({
    env: 'KAFKA_SASL_OAUTH_TOKEN_URL',
    flag: 'kafka-sasl-oauth-token-url',
    protocols: ['https:', 'http:'],
    example: 'https://login.example.com/oauth2/token',
    default: '',
    help: 'Token endpoint for oauthbearer. It is asked by the client credentials grant of OAuth 2.0.',
  }),
  kafkaOauthClientId: text({
    env: 'KAFKA_SASL_OAUTH_CLIENT_ID',
    flag: 'kafka-sasl-oauth-client-id',
    help: 'The client id at the token endpoint.',
  }),
  kafkaOauthClientSecret: secret({
    env: 'KAFKA_SASL_OAUTH_CLIENT_SECRET',
    help: 'The client secret at the token endpoint.',
  }),
  kafkaOauthScope: text({
    env: 'KAFKA_SASL_OAUTH_SCOPE',
    flag: 'kafka-sasl-oauth-scope',
    help: 'The scope to ask the token endpoint for, if it needs one.',
  }),
  kafkaOauthAudience: text({
    env: 'KAFKA_SASL_OAUTH_AUDIENCE',
    flag: 'kafka-sasl-oauth-audience',
    help: 'The audience to ask the token endpoint for, if it needs one.',
  }),
  kafkaOauthCaFile: text({
    env: 'KAFKA_SASL_OAUTH_CA_FILE',
    flag: 'kafka-sasl-oauth-ca-file',
    help: "PEM file of the authorities that sign the token endpoint's certificate, if not the system's.",
  }),
  kafkaOauthExtensions: list({
    env: 'KAFKA_SASL_OAUTH_EXTENSIONS',
    flag: 'kafka-sasl-oauth-extensions',
    default: [],
    defaultText: 'not set',
    help: 'SASL extensions to send with the token, as hosted clusters need them: name=value, with commas between them.',
    check: checkExtension,
  }),
  kafkaAllowsOpenLogin: boolean({
    env: 'KAFKA_ALLOW_LOGIN_WITHOUT_TLS',
    flag: 'kafka-allow-login-without-tls',
    default: false,
    help: 'Whether a password or a token may be sent in plain text to Kafka, or to the token endpoint, on another machine.',
  }),
} as const satisfies SettingTable;

export type KafkaSettingValues = ValuesOf<typeof KAFKA_SETTINGS>;

/** The form of RFC 7628, 3.1: a name of letters and a value without control characters. The name `auth` belongs to the token. */
function checkExtension(item: string): void {
  if (!/^(?!auth=)[A-Za-z]+=[\x20-\x7e]+$/.test(item)) {
    throw new SettingFault(
      'give name=value, several between commas, as in logicalCluster=lkc-1,identityPoolId=pool-1',
    );
  }
}

/** Faults of values that are right alone and wrong together, as sentences. */
export function kafkaContradictions(values: KafkaSettingValues): string[] {
  return [...loginFaults(values), ...tlsFaults(values), ...openSecretFaults(values)];
}

function loginFaults(values: KafkaSettingValues): string[] {
  const faults: string[] = [];
  const mechanism = values.kafkaSaslMechanism;
  const hasLogin = values.kafkaSaslUsername !== undefined && values.kafkaSaslPassword !== undefined;
  if (mechanism !== undefined && mechanism !== 'oauthbearer' && !hasLogin) {
    faults.push(
      `KAFKA_SASL_MECHANISM is "${mechanism}": set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE) too.`,
    );
  }
  if (mechanism === undefined && values.kafkaSaslUsername !== undefined) {
    faults.push(
      'KAFKA_SASL_USERNAME is set without a mechanism: set KAFKA_SASL_MECHANISM to plain, scram-sha-256 or scram-sha-512.',
    );
  }
  if (
    mechanism === undefined &&
    values.kafkaSaslUsername === undefined &&
    values.kafkaSaslPassword !== undefined
  ) {
    faults.push('KAFKA_SASL_PASSWORD is set alone: set KAFKA_SASL_MECHANISM and KAFKA_SASL_USERNAME too.');
  }
  const hasFile = values.kafkaOauthTokenFile !== undefined;
  const hasEndpoint = values.kafkaOauthTokenUrl !== '';
  if (mechanism === 'oauthbearer') {
    if (hasFile === hasEndpoint) {
      faults.push(
        'KAFKA_SASL_MECHANISM is "oauthbearer": set either KAFKA_SASL_OAUTH_TOKEN_FILE, or KAFKA_SASL_OAUTH_TOKEN_URL with ' +
          'KAFKA_SASL_OAUTH_CLIENT_ID and KAFKA_SASL_OAUTH_CLIENT_SECRET.',
      );
    }
    if (
      hasEndpoint &&
      (values.kafkaOauthClientId === undefined || values.kafkaOauthClientSecret === undefined)
    ) {
      faults.push(
        'KAFKA_SASL_OAUTH_TOKEN_URL is set: set KAFKA_SASL_OAUTH_CLIENT_ID and KAFKA_SASL_OAUTH_CLIENT_SECRET (or KAFKA_SASL_OAUTH_CLIENT_SECRET_FILE) too.',
      );
    }
  } else if (hasFile || hasEndpoint) {
    faults.push(
      `${hasFile ? 'KAFKA_SASL_OAUTH_TOKEN_FILE' : 'KAFKA_SASL_OAUTH_TOKEN_URL'} is set, but KAFKA_SASL_MECHANISM is ${mechanism === undefined ? 'not' : `"${mechanism}"`}: set KAFKA_SASL_MECHANISM=oauthbearer.`,
    );
  }
  return faults;
}

function tlsFaults(values: KafkaSettingValues): string[] {
  const faults: string[] = [];
  for (const [name, path] of [
    ['KAFKA_TLS_CA_FILE', values.kafkaTlsCaFile],
    ['KAFKA_TLS_CERT_FILE', values.kafkaTlsCertFile],
    ['KAFKA_TLS_KEY_FILE', values.kafkaTlsKeyFile],
  ] as const) {
    if (path !== undefined && !values.kafkaTls) {
      faults.push(`${name} is set, but KAFKA_TLS is false: set KAFKA_TLS=true.`);
    }
  }
  if ((values.kafkaTlsCertFile === undefined) !== (values.kafkaTlsKeyFile === undefined)) {
    const [set, missing] =
      values.kafkaTlsKeyFile === undefined
        ? ['KAFKA_TLS_CERT_FILE', 'KAFKA_TLS_KEY_FILE']
        : ['KAFKA_TLS_KEY_FILE', 'KAFKA_TLS_CERT_FILE'];
    faults.push(`${set} is set without ${missing}: a certificate and its key belong together, set both.`);
  }
  return faults;
}

/** Faults of settings by which a password or a token would cross the network in plain text. */
function openSecretFaults(values: KafkaSettingValues): string[] {
  if (values.kafkaAllowsOpenLogin) return [];
  const faults: string[] = [];
  const mechanism = values.kafkaSaslMechanism;
  const remote = values.kafkaBrokers.find((broker) => !isLoopback(hostOf(broker)));
  if ((mechanism === 'plain' || mechanism === 'oauthbearer') && !values.kafkaTls && remote !== undefined) {
    const what = mechanism === 'plain' ? 'the password' : 'the token';
    faults.push(
      `KAFKA_SASL_MECHANISM is "${mechanism}" and KAFKA_TLS is false: ${what} would be sent to ${remote} in plain text. ` +
        'Set KAFKA_TLS=true, or KAFKA_SASL_MECHANISM=scram-sha-512, or KAFKA_ALLOW_LOGIN_WITHOUT_TLS=true if everybody on the network may read it.',
    );
  }
  if (values.kafkaOauthTokenUrl.startsWith('http:')) {
    const { hostname } = new URL(values.kafkaOauthTokenUrl);
    if (!isLoopback(hostname)) {
      faults.push(
        `KAFKA_SASL_OAUTH_TOKEN_URL leads to ${hostname} by plain HTTP: the client's secret would be sent in plain text. ` +
          'Give an https: URL, or set KAFKA_ALLOW_LOGIN_WITHOUT_TLS=true if everybody on the network may read it.',
      );
    }
  }
  return faults;
}

/** A warning at start that others can read or change the traffic with Kafka, or null. */
export function openWayWarning(values: KafkaSettingValues): string | null {
  const remote = values.kafkaBrokers.filter((broker) => !isLoopback(hostOf(broker)));
  if (values.kafkaTls || remote.length === 0) return null;
  const login =
    values.kafkaSaslMechanism === undefined
      ? 'without TLS and without a login'
      : `without TLS, with a login by ${values.kafkaSaslMechanism}`;
  return (
    `Kafka at ${remote.join(', ')} is spoken to ${login}: everybody on the network between can read and change the events. ` +
    'Set KAFKA_TLS=true if the brokers speak TLS.'
  );
}

function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
