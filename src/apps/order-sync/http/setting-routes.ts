import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };
import { commitOf } from '../../shared/process/commit.ts';
import { SETTINGS_SCHEMA } from './access-schemas.ts';
import type { ServerParts } from './server-parts.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');

/** The route that tells which program runs here, and with which settings. */
export function addSettingRoutes(app: FastifyInstance, { settingEntries, synced }: ServerParts): void {
  const schema = {
    operationId: 'readSettings',
    summary: 'The settings of this instance with their sources, secrets masked, and its version.',
    response: { 200: SETTINGS_SCHEMA },
  };
  let commit: Promise<string | null> | undefined;
  app.get('/api/v1/settings', { schema }, async () => {
    commit ??= commitOf(ROOT);
    return {
      program: synced.program,
      version: packageJson.version,
      node: process.version,
      commit: await commit,
      entries: settingEntries,
    };
  });
}
