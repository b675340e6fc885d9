import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, keySecurityOf, requireApiKeys, scopesBut } from '../../shared/http/api-access.ts';
import { apiKeyOf } from '../../shared/http/api-keys.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import type { ApiSecurity } from '../../shared/http/openapi.ts';

const SETTING = 'ORDER_MGT_API_KEYS';

/** These routes take a signature over the body instead of a key. */
const SIGNED: ReadonlySet<string> = new Set(['POST /api/orders', 'POST /api/orders/batch']);

/** The scope that a route needs. Probes and the description of the API need no key. */
export const scopeOf = scopesBut(new Set([...SIGNED, 'GET /livez', 'GET /readyz', 'GET /openapi.json']));

export interface ReaderOptions {
  /** Entries of the keys that may read. Without entries nobody may read, unless `host` is on loopback. */
  readonly apiKeys?: string | undefined;
  /** A further key, by which the process itself reads. */
  readonly ownKey?: string;
  readonly host: string;
}

/**
 * Who may read. With keys, their holders may. Without keys on loopback, everybody on this machine may. Without keys outside
 * loopback nobody may; the start is not refused, because a target that only receives needs no keys. Throws
 * `setting_invalid` for malformed keys.
 */
export function accessFor({ apiKeys, ownKey, host }: ReaderOptions, logger: Logger): ApiAccess {
  const ownKeys = ownKey === undefined ? [] : [apiKeyOf('own', ['read'], ownKey)];
  if (apiKeys !== undefined) return [...requireApiKeys(apiKeys, 'order-mgt', SETTING), ...ownKeys];
  if (isLoopback(host)) {
    logger('info', `Readers need no key, and only this machine can reach the server: ${SETTING} is not set.`);
    return 'open';
  }
  logger(
    'warn',
    `Deliveries are taken, but nobody may read: ${SETTING} is not set, and ORDER_MGT_HOST is ${host}, which other machines can reach.`,
  );
  return ownKeys;
}

/** The same in the form of OpenAPI. `{}` means that a request without credentials is taken too. */
export function securityOf(access: ApiAccess, isSigned: boolean): ApiSecurity {
  const { schemes, requirementsOf } = keySecurityOf('order-mgt', access, scopeOf);
  return {
    schemes: {
      ...schemes,
      webhookSignature: {
        type: 'apiKey',
        in: 'header',
        name: 'webhook-signature',
        description: 'With webhook-id and webhook-timestamp. Source: Standard Webhooks 1.0.0.',
      },
    },
    requirementsOf(method, path) {
      if (SIGNED.has(`${method} ${path}`))
        return isSigned ? [{ webhookSignature: [] }] : [{ webhookSignature: [] }, {}];
      return requirementsOf(method, path);
    },
  };
}
