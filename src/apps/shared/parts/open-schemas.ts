import { readFileSync } from 'node:fs';
import { pemFault } from '../../../adapters/pem.ts';
import { openValueSchemas } from '../../../adapters/schema-registry/index.ts';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ValueSchemas } from '../../../ports/value-schemas.ts';

interface SchemaSettings {
  readonly schemaRegistryUrl: string | undefined;
  readonly schemaRegistryToken: string | undefined;
  readonly schemaRegistryCaFile: string | undefined;
  readonly schemaFolder: string | undefined;
}

/** The schemas that the settings name; null if they name none. Throws `setting_invalid` for a file that cannot be read. */
export function openSchemas(settings: SchemaSettings, clock: Pick<Clock, 'now'>): ValueSchemas | null {
  const { schemaRegistryUrl: url, schemaRegistryToken: token, schemaFolder: path } = settings;
  if (url === undefined && path === undefined) return null;
  const ca = readAuthorities(settings.schemaRegistryCaFile);
  return openValueSchemas({
    clock,
    ...(path === undefined ? {} : { folder: { path, settingName: 'SCHEMA_FOLDER' } }),
    ...(url === undefined ? {} : { registry: { url, token, ca, settingName: 'SCHEMA_REGISTRY_URL' } }),
  });
}

function readAuthorities(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `SCHEMA_REGISTRY_CA_FILE names ${path}, which cannot be read (${messageOf(error)}): name a PEM file.`,
    );
  }
  // Without a certificate in it, the system's authorities would count instead.
  const fault = pemFault(content, 'certificates');
  if (fault !== null)
    throw new TributaryError('setting_invalid', `SCHEMA_REGISTRY_CA_FILE names ${path}, which ${fault}.`);
  return content;
}
