import type { OAuthClient } from '../../../adapters/http-delivery/index.ts';
import { messageOf } from '../../../core/errors.ts';
import { type Header, headerNameFault, isHeaderValue, parseHeaders } from '../../../core/http-headers.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import { checkBearerKey } from '../../shared/settings/checks.ts';
import type { TargetSettingValues } from '../../shared/settings/known/target.ts';
import { contentOf, type EntryPlace, fault, pathOf, textOf } from './entry-files.ts';
import { type ProxySettings, proxyTo } from './proxy.ts';

/** How a target is reached and how requests are authorized, as the settings say it. */
export interface Reach {
  readonly apiKey: string | undefined;
  readonly apiKeyHeader: string | undefined;
  readonly headers: readonly Header[];
  readonly oauth: Omit<OAuthClient, 'proxy'> | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The target's own setting of its proxy, and how messages name it. */
  readonly proxy: { readonly value: string; readonly name: string } | undefined;
}

export const REACH_FIELDS = [
  'apiKeyFile',
  'apiKeyHeader',
  'headersFile',
  'oauth',
  'caFile',
  'certFile',
  'keyFile',
  'proxy',
];

/** The reach of the target of ORDER_SYNC_TARGET_URL. */
export function reachOf(settings: TargetSettingValues): Reach {
  const {
    targetOauthTokenUrl,
    targetOauthClientId = '',
    targetOauthClientSecret = '',
    targetProxy,
  } = settings;
  return {
    apiKey: settings.targetApiKey,
    apiKeyHeader: settings.targetApiKeyHeader,
    headers: parseHeaders(settings.targetHeaders ?? ''),
    oauth:
      targetOauthTokenUrl === ''
        ? undefined
        : {
            tokenUrl: targetOauthTokenUrl,
            clientId: targetOauthClientId,
            clientSecret: targetOauthClientSecret,
            scope: settings.targetOauthScope,
            audience: settings.targetOauthAudience,
            sendsSecretIn: settings.targetOauthSecretIn,
          },
    caFile: settings.targetCaFile,
    certFile: settings.targetCertFile,
    keyFile: settings.targetKeyFile,
    proxy: targetProxy === undefined ? undefined : { value: targetProxy, name: 'ORDER_SYNC_TARGET_PROXY' },
  };
}

/** The reach of an entry of the targets file. */
export function reachIn(entry: Readonly<Record<string, unknown>>, place: EntryPlace): Reach {
  const { called } = place;
  const proxy = textOf(entry.proxy, 'proxy', place);
  const reach = {
    ...keyIn(entry, place),
    headers: headersIn(contentOf(entry.headersFile, 'headersFile', place), place),
    oauth: oauthIn(entry.oauth, place),
    caFile: pathOf(entry.caFile, 'caFile', place),
    certFile: pathOf(entry.certFile, 'certFile', place),
    keyFile: pathOf(entry.keyFile, 'keyFile', place),
    proxy: proxy === undefined ? undefined : { value: proxy, name: `"proxy" of ${called}` },
  };
  if ((reach.certFile === undefined) !== (reach.keyFile === undefined))
    throw fault(`${called}: "certFile" and "keyFile" belong together: give both`);
  if (reach.oauth !== undefined && reach.apiKey !== undefined && reach.apiKeyHeader === undefined) {
    throw fault(
      `${called}: its key and its token would both be sent as Authorization: keep one, or name the key's "apiKeyHeader"`,
    );
  }
  return reach;
}

/** The options of the adapter, with the proxy that counts for this URL. Throws `setting_invalid`. */
export function reachOptions({ proxy: own, oauth, ...reach }: Reach, url: string, proxies: ProxySettings) {
  return {
    ...reach,
    proxy: proxyTo(new URL(url), proxies, own),
    ...(oauth === undefined ? {} : { oauth: { ...oauth, proxy: proxyTo(new URL(oauth.tokenUrl), proxies) } }),
  };
}

function keyIn(
  entry: Readonly<Record<string, unknown>>,
  place: EntryPlace,
): Pick<Reach, 'apiKey' | 'apiKeyHeader'> {
  const { called } = place;
  const apiKey = contentOf(entry.apiKeyFile, 'apiKeyFile', place);
  const apiKeyHeader = textOf(entry.apiKeyHeader, 'apiKeyHeader', place);
  if (apiKeyHeader !== undefined) {
    const wrong = headerNameFault(apiKeyHeader);
    if (wrong !== null) throw fault(`${called}: its "apiKeyHeader": ${wrong}`);
    if (apiKey === undefined) throw fault(`${called}: "apiKeyHeader" needs "apiKeyFile" too`);
  }
  if (apiKey === undefined) return { apiKey, apiKeyHeader };
  try {
    if (apiKeyHeader === undefined) checkBearerKey(apiKey);
    else if (!isHeaderValue(apiKey)) throw new Error('it is no visible ASCII');
  } catch (error) {
    throw fault(`${called}: what its "apiKeyFile" holds is no key: ${messageOf(error)}`);
  }
  return { apiKey, apiKeyHeader };
}

function headersIn(text: string | undefined, { called }: EntryPlace): Header[] {
  try {
    return parseHeaders(text ?? '');
  } catch (error) {
    throw fault(`${called}: its "headersFile", ${messageOf(error)}`);
  }
}

const OAUTH_FIELDS = ['tokenUrl', 'clientId', 'clientSecretFile', 'scope', 'audience', 'secretIn'];

function oauthIn(given: unknown, place: EntryPlace): Reach['oauth'] {
  if (given === undefined) return undefined;
  const { called } = place;
  const isKnown = isJsonObject(given) && Object.keys(given).every((key) => OAUTH_FIELDS.includes(key));
  if (!isJsonObject(given) || !isKnown)
    throw fault(`${called}: "oauth" has to be an object; known in it are ${OAUTH_FIELDS.join(', ')}`);
  const tokenUrl = textOf(given.tokenUrl, 'oauth.tokenUrl', place);
  const clientId = textOf(given.clientId, 'oauth.clientId', place);
  const clientSecret = contentOf(given.clientSecretFile, 'oauth.clientSecretFile', place);
  const url = tokenUrl !== undefined && URL.canParse(tokenUrl) ? new URL(tokenUrl) : null;
  if (url === null || clientId === undefined || clientSecret === undefined)
    throw fault(`${called}: "oauth" needs "tokenUrl", "clientId" and "clientSecretFile"`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw fault(
      `${called}: "oauth.tokenUrl" has to begin with https:, because the client's secret is sent there`,
    );
  const { secretIn = 'header' } = given;
  if (secretIn !== 'header' && secretIn !== 'body')
    throw fault(`${called}: "oauth.secretIn" has to be "header" or "body"`);
  return {
    tokenUrl: url.href,
    clientId,
    clientSecret,
    scope: textOf(given.scope, 'oauth.scope', place),
    audience: textOf(given.audience, 'oauth.audience', place),
    sendsSecretIn: secretIn,
  };
}
