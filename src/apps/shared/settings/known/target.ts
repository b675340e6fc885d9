import { type BodyTemplate, parseBodyTemplate } from '../../../../core/body-template.ts';
import type { Domain, View } from '../../../../core/domain.ts';
import { messageOf } from '../../../../core/errors.ts';
import { headerNameFault, isHeaderValue, parseHeaders } from '../../../../core/http-headers.ts';
import { parseVerdictRules } from '../../../../core/verdict-rules.ts';
import { isLoopback } from '../../http/loopback.ts';
import { checkBearerKey, checkWebhookSecret } from '../checks.ts';
import {
  choice,
  proxy,
  SettingFault,
  type SettingTable,
  secret,
  text,
  url,
  type ValuesOf,
} from '../kinds.ts';

/** The settings of the target that ORDER_SYNC_TARGET_URL names, and of the proxies to every target. */
export const TARGET_SETTINGS = {
  targetUrl: url({
    env: 'ORDER_SYNC_TARGET_URL',
    flag: 'target-url',
    protocols: ['http:', 'https:'],
    example: 'http://localhost:3001/api/orders',
    default: 'http://localhost:3001/api/orders',
    help: 'The URL that the states of orders are sent to. A user and a password in it are sent as Basic authorization.',
  }),
  targetSecret: secret({
    env: 'ORDER_SYNC_TARGET_SECRET',
    help: 'The secret that signs deliveries (whsec_ and base64). Required unless the target is on loopback.',
    check: checkWebhookSecret,
  }),
  targetApiKey: secret({
    env: 'ORDER_SYNC_TARGET_API_KEY',
    help: 'The key that is sent to the target with every request, as Authorization: Bearer.',
    check: checkHeaderValue,
  }),
  targetApiKeyHeader: text({
    env: 'ORDER_SYNC_TARGET_API_KEY_HEADER',
    flag: 'target-api-key-header',
    help: 'The header that carries the key instead, as in X-API-Key.',
    check: checkHeaderName,
  }),
  targetHeaders: secret({
    env: 'ORDER_SYNC_TARGET_HEADERS',
    help: 'Further headers of every request to the target: "Name: value", one a line.',
    check: checkHeaders,
  }),
  targetOauthTokenUrl: url({
    env: 'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL',
    flag: 'target-oauth-token-url',
    protocols: ['https:', 'http:'],
    example: 'https://login.example.com/oauth2/token',
    default: '',
    help: 'Token endpoint of the target. It is asked by the client credentials grant of OAuth 2.0.',
  }),
  targetOauthClientId: text({
    env: 'ORDER_SYNC_TARGET_OAUTH_CLIENT_ID',
    flag: 'target-oauth-client-id',
    help: 'The client id at the token endpoint.',
  }),
  targetOauthClientSecret: secret({
    env: 'ORDER_SYNC_TARGET_OAUTH_CLIENT_SECRET',
    help: 'The client secret at the token endpoint.',
  }),
  targetOauthScope: text({
    env: 'ORDER_SYNC_TARGET_OAUTH_SCOPE',
    flag: 'target-oauth-scope',
    help: 'The scope to ask the token endpoint for, if it needs one.',
  }),
  targetOauthAudience: text({
    env: 'ORDER_SYNC_TARGET_OAUTH_AUDIENCE',
    flag: 'target-oauth-audience',
    help: 'The audience to ask the token endpoint for, if it needs one.',
  }),
  targetOauthSecretIn: choice({
    env: 'ORDER_SYNC_TARGET_OAUTH_SECRET_IN',
    flag: 'target-oauth-secret-in',
    choices: ['header', 'body'],
    default: 'header',
    help: 'Where the token endpoint wants the client id and secret: as Basic authorization (header), or in the body.',
  }),
  targetBody: {
    ...text({
      env: 'ORDER_SYNC_TARGET_BODY',
      flag: 'target-body',
      help: 'A JSON template of the body, if the target wants another one: {"id": "{order_id}"}. docs/operations.md describes it.',
    }),
    fromFile: true,
  },
  targetCloudEvents: choice({
    env: 'ORDER_SYNC_TARGET_CLOUDEVENTS',
    flag: 'target-cloudevents',
    choices: ['off', 'structured', 'binary'],
    default: 'off',
    help: 'Whether each state is sent as a CloudEvent: with its attributes in the body (structured) or in headers (binary).',
  }),
  targetCloudEventsType: text({
    env: 'ORDER_SYNC_TARGET_CLOUDEVENTS_TYPE',
    flag: 'target-cloudevents-type',
    defaultText: 'order.state',
    help: 'The type of those CloudEvents.',
  }),
  targetCloudEventsSource: text({
    env: 'ORDER_SYNC_TARGET_CLOUDEVENTS_SOURCE',
    flag: 'target-cloudevents-source',
    defaultText: '/tributary/<group>',
    help: 'The source of those CloudEvents.',
  }),
  targetVerdicts: text({
    env: 'ORDER_SYNC_TARGET_VERDICTS',
    flag: 'target-verdicts',
    help: 'What statuses mean at this target, if not what docs/being-a-target.md says: 409=delivered,404=retry,5xx=throttle.',
    check: checkVerdicts,
  }),
  targetCaFile: text({
    env: 'ORDER_SYNC_TARGET_CA_FILE',
    flag: 'target-ca-file',
    help: "PEM file of the authorities that sign the target's certificate, if not the system's.",
  }),
  targetCertFile: text({
    env: 'ORDER_SYNC_TARGET_CERT_FILE',
    flag: 'target-cert-file',
    help: 'PEM file of the certificate to show to the target. It is read again when it changes.',
  }),
  targetKeyFile: text({
    env: 'ORDER_SYNC_TARGET_KEY_FILE',
    flag: 'target-key-file',
    help: "PEM file of that certificate's private key, without a passphrase.",
  }),
  targetProxy: proxy({
    env: 'ORDER_SYNC_TARGET_PROXY',
    help: 'The URL of the proxy to the target, or none. It counts before HTTP_PROXY, HTTPS_PROXY and NO_PROXY.',
  }),
  httpProxy: proxy({
    env: 'HTTP_PROXY',
    alsoEnv: 'http_proxy',
    help: 'The proxy to targets with http: URLs. For targets on loopback it counts only if it is on loopback too.',
  }),
  httpsProxy: proxy({
    env: 'HTTPS_PROXY',
    alsoEnv: 'https_proxy',
    help: 'The proxy to targets with https: URLs. For targets on loopback it counts only if it is on loopback too.',
  }),
  noProxy: text({
    env: 'NO_PROXY',
    alsoEnv: 'no_proxy',
    help: 'Hosts that are reached without a proxy, with commas between: host, .domain, host:port, address, network/bits, or *.',
  }),
} as const satisfies SettingTable;

export type TargetSettingValues = ValuesOf<typeof TARGET_SETTINGS>;

function checkHeaderName(given: string): void {
  const fault = headerNameFault(given);
  if (fault !== null) throw new SettingFault(`${fault}, as in X-API-Key`);
}

function checkHeaderValue(given: string): void {
  if (!isHeaderValue(given)) throw new SettingFault('give one key, as the target knows it, in visible ASCII');
}

/** What a template of a body can name. */
type Shown = Pick<Domain<never, never>, 'noun'> & {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
};

/** Reads the template of a body, in which the columns of the view stand for values. Throws an `Error` that says what is wrong. */
export function parseBody(given: string, { noun = 'entity', view }: Shown): BodyTemplate {
  const { keyColumn, columns } = view;
  const names = [keyColumn, ...columns.map(({ name }) => name), 'version', 'delivery_id'];
  const template = parseBodyTemplate(given, names);
  if (!template.uses.has(keyColumn))
    throw new Error(`it has no {${keyColumn}}, so the target could not tell one ${noun} from another`);
  return template;
}

function checkVerdicts(given: string): void {
  asFault(() => parseVerdictRules(given));
}

function asFault<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw new SettingFault(messageOf(error));
  }
}

function checkHeaders(given: string): void {
  asFault(() => parseHeaders(given));
}

/** Faults of values that are right alone and wrong together, as sentences. */
export function targetFaults(values: TargetSettingValues, domain: Shown): string[] {
  return [
    ...bodyFaults(values, domain),
    ...keyFaults(values),
    ...oauthFaults(values),
    ...certificateFaults(values),
  ];
}

function bodyFaults({ targetBody }: TargetSettingValues, domain: Shown): string[] {
  if (targetBody === undefined) return [];
  try {
    parseBody(targetBody, domain);
    return [];
  } catch (error) {
    return [`ORDER_SYNC_TARGET_BODY is ${JSON.stringify(targetBody.slice(0, 200))}: ${messageOf(error)}.`];
  }
}

function keyFaults({ targetApiKey, targetApiKeyHeader, targetOauthTokenUrl }: TargetSettingValues): string[] {
  const isBearer = targetApiKeyHeader === undefined || targetApiKeyHeader.toLowerCase() === 'authorization';
  if (targetApiKey === undefined) {
    return targetApiKeyHeader === undefined
      ? []
      : [
          'ORDER_SYNC_TARGET_API_KEY_HEADER is set alone: set ORDER_SYNC_TARGET_API_KEY (or ORDER_SYNC_TARGET_API_KEY_FILE) too.',
        ];
  }
  if (!isBearer) return [];
  if (targetOauthTokenUrl !== '') {
    return [
      'ORDER_SYNC_TARGET_API_KEY and ORDER_SYNC_TARGET_OAUTH_TOKEN_URL would both be sent as Authorization: ' +
        'keep one of them, or name another header for the key by ORDER_SYNC_TARGET_API_KEY_HEADER.',
    ];
  }
  try {
    checkBearerKey(targetApiKey);
    return [];
  } catch (error) {
    return [
      `ORDER_SYNC_TARGET_API_KEY is "********": ${messageOf(error)}, or name its header by ORDER_SYNC_TARGET_API_KEY_HEADER.`,
    ];
  }
}

function oauthFaults(values: TargetSettingValues): string[] {
  const { targetOauthTokenUrl, targetOauthClientId, targetOauthClientSecret, targetUrl } = values;
  const hasClient = targetOauthClientId !== undefined || targetOauthClientSecret !== undefined;
  if (targetOauthTokenUrl === '') {
    return hasClient
      ? [
          'ORDER_SYNC_TARGET_OAUTH_CLIENT_ID or ORDER_SYNC_TARGET_OAUTH_CLIENT_SECRET is set without ORDER_SYNC_TARGET_OAUTH_TOKEN_URL: set it too.',
        ]
      : [];
  }
  const faults: string[] = [];
  if (targetOauthClientId === undefined || targetOauthClientSecret === undefined) {
    faults.push(
      'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL is set: set ORDER_SYNC_TARGET_OAUTH_CLIENT_ID and ORDER_SYNC_TARGET_OAUTH_CLIENT_SECRET (or ORDER_SYNC_TARGET_OAUTH_CLIENT_SECRET_FILE) too.',
    );
  }
  const { protocol, hostname } = new URL(targetOauthTokenUrl);
  if (protocol === 'http:' && !isLoopback(hostname)) {
    faults.push(
      `ORDER_SYNC_TARGET_OAUTH_TOKEN_URL leads to ${hostname} by plain HTTP: the client's secret would be sent in plain text. Give an https: URL.`,
    );
  }
  const { username, password } = new URL(targetUrl);
  if (username !== '' || password !== '') {
    faults.push(
      'ORDER_SYNC_TARGET_URL has a user, and ORDER_SYNC_TARGET_OAUTH_TOKEN_URL is set: both would be sent as Authorization. Keep one of them.',
    );
  }
  return faults;
}

function certificateFaults({ targetCertFile, targetKeyFile }: TargetSettingValues): string[] {
  if ((targetCertFile === undefined) === (targetKeyFile === undefined)) return [];
  const [set, missing] =
    targetKeyFile === undefined
      ? ['ORDER_SYNC_TARGET_CERT_FILE', 'ORDER_SYNC_TARGET_KEY_FILE']
      : ['ORDER_SYNC_TARGET_KEY_FILE', 'ORDER_SYNC_TARGET_CERT_FILE'];
  return [`${set} is set without ${missing}: a certificate and its key belong together, set both.`];
}
