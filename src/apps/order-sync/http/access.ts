import { TributaryError } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, requireApiKeys, scopesBut } from '../../shared/http/api-access.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import type { SettingsOf } from '../../shared/settings/known/index.ts';
import { CONSOLE_ROUTES } from '../console/page-paths.ts';

const SETTING = 'ORDER_SYNC_API_KEYS';

/**
 * The scope that a route needs. Probes need no key, and learn only whether the program works. The description of the API
 * needs none, because it holds nothing of the data. Neither do the files of the console, which asks for the data by a key.
 */
export const scopeOf = scopesBut(
  new Set(['GET /livez', 'GET /readyz', 'GET /openapi.json', ...CONSOLE_ROUTES]),
);

/**
 * Who may use the HTTP API. With keys, their holders may. Without keys on loopback, everybody on this machine may. Throws
 * `setting_invalid` for malformed keys, and if there are no keys outside loopback.
 */
export function accessFor(
  { apiKeys, host }: Pick<SettingsOf<'order-sync'>, 'apiKeys' | 'host'>,
  logger: Logger,
): ApiAccess {
  if (apiKeys !== undefined) return requireApiKeys(apiKeys, 'order-sync', SETTING);
  if (!isLoopback(host)) {
    throw new TributaryError(
      'setting_invalid',
      `ORDER_SYNC_HOST is ${host}, which other machines can reach, and no API keys are set: make one by ` +
        `"order-sync keys make --name NAME" and set ${SETTING} to its entry, or listen on 127.0.0.1.`,
    );
  }
  logger('info', `The HTTP API needs no key, and only this machine can reach it: ${SETTING} is not set.`);
  return 'open';
}
