import { TributaryError } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, requireApiKeys, scopesBut } from '../../shared/http/api-access.ts';
import { isLoopback } from '../../shared/http/loopback.ts';
import type { SettingsOf } from '../../shared/settings/known/index.ts';

const SETTING = 'ORDER_SYNC_API_KEYS';

/** Probes have no key, and learn nothing but whether it works. */
export const scopeOf = scopesBut(new Set(['GET /livez', 'GET /readyz']));

/**
 * Who may use the HTTP API: whoever has a key; without keys everybody on this machine, and nobody else can reach it.
 * Throws `setting_invalid` for keys that are none, and for none outside loopback.
 */
export function accessFor(
  { apiKeys, host }: Pick<SettingsOf<'order-sync'>, 'apiKeys' | 'host'>,
  logger: Logger,
): ApiAccess {
  if (apiKeys !== undefined) return requireApiKeys(apiKeys, 'order-sync', SETTING);
  if (!isLoopback(host)) {
    throw new TributaryError(
      'setting_invalid',
      `ORDER_SYNC_HOST is ${host}, which others can reach, and no API keys are set: make one by ` +
        `"order-sync keys make --name NAME" and set ${SETTING} to its entry, or listen on 127.0.0.1.`,
    );
  }
  logger('info', `The HTTP API asks for no key, and answers this machine only: ${SETTING} is not set.`);
  return 'open';
}
