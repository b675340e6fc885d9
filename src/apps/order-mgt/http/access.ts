import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, requireApiKeys, scopesBut } from '../../shared/http/api-access.ts';
import { apiKeyOf } from '../../shared/http/api-keys.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import type { ApiSecurity } from '../../shared/http/openapi.ts';

const SETTING = 'ORDER_MGT_API_KEYS';

/** Who may deliver is decided by signatures, over the body. */
const SIGNED: ReadonlySet<string> = new Set(['POST /api/orders', 'POST /api/orders/batch']);

/** Probes have no key; what the API is like is in its source anyway. */
export const scopeOf = scopesBut(new Set([...SIGNED, 'GET /livez', 'GET /readyz', 'GET /openapi.json']));

export interface ReaderOptions {
  /** Entries of the keys to read by; without them nobody may read unless `host` is on loopback. */
  readonly apiKeys?: string | undefined;
  /** A key that the process itself reads by, beside those. */
  readonly ownKey?: string;
  readonly host: string;
}

/**
 * Who may read: whoever has a key; without keys everybody on this machine, where nobody else can reach it. Where
 * others can, it is closed until keys are set, and not refused at start: a target that only receives needs none.
 * Throws `setting_invalid` for keys that are none.
 */
export function accessFor({ apiKeys, ownKey, host }: ReaderOptions, logger: Logger): ApiAccess {
  const ownKeys = ownKey === undefined ? [] : [apiKeyOf('own', ['read'], ownKey)];
  if (apiKeys !== undefined) return [...requireApiKeys(apiKeys, 'order-mgt', SETTING), ...ownKeys];
  if (isLoopback(host)) {
    logger('info', `Reading asks for no key, and answers this machine only: ${SETTING} is not set.`);
    return 'open';
  }
  logger(
    'warn',
    `Deliveries are taken, and nobody may read: ${SETTING} is not set, and ORDER_MGT_HOST is ${host}, which others can reach.`,
  );
  return ownKeys;
}

/** The same as OpenAPI says it, for the document. `{}`: it goes without, too. */
export function securityOf(access: ApiAccess, isSigned: boolean): ApiSecurity {
  return {
    schemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        description: 'A key as "order-mgt keys make" prints it: trb_ and base64url of 32 bytes.',
      },
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
      const scope = scopeOf(method, path);
      if (scope === null) return [];
      return access === 'open' ? [{ apiKey: [scope] }, {}] : [{ apiKey: [scope] }];
    },
  };
}
