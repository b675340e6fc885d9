import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { SchemaReference } from './compiled.ts';
import type { RegisteredSchema } from './registry-client.ts';

const KINDS: Readonly<Record<string, RegisteredSchema['kind']>> = {
  avsc: 'AVRO',
  proto: 'PROTOBUF',
  json: 'JSON',
};

/**
 * Reads the schemas in a folder: `7.avsc`, `7.proto` or `7.json` for the schema 7. Files whose names are no ids are what those
 * schemas refer to. Throws `setting_invalid` if the folder cannot be read.
 */
export function readSchemaFolder(folder: string, settingName: string): ReadonlyMap<string, RegisteredSchema> {
  const files = readFolder(folder, settingName);
  const schemas = new Map<string, RegisteredSchema>();
  for (const { name, ending, text } of files) {
    const kind = KINDS[ending];
    if (kind === undefined || !isSchemaName(name)) continue;
    const references = files
      .filter((file) => file.ending === ending && !isSchemaName(file.name))
      .map((file): SchemaReference => ({ name: `${file.path}`, schema: file.text }));
    schemas.set(name, { kind, text, references });
  }
  if (schemas.size === 0) {
    throw new TributaryError(
      'setting_invalid',
      `${settingName} names ${folder}, which holds no schema: put files named by the schema's id there, such as 7.avsc or 7.proto.`,
    );
  }
  return schemas;
}

/** Whether it is an id or a GUID. */
function isSchemaName(name: string): boolean {
  return /^\d+$/.test(name) || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

interface SchemaFile {
  readonly path: string;
  readonly name: string;
  readonly ending: string;
  readonly text: string;
}

function readFolder(folder: string, settingName: string): SchemaFile[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => Object.hasOwn(KINDS, path.slice(path.lastIndexOf('.') + 1)))
      .sort()
      .map((path) => {
        const [name = '', ending = ''] = splitName(path);
        return { path, name, ending, text: readFileSync(join(folder, path), 'utf8') };
      });
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `${settingName} names ${folder}, which cannot be read (${messageOf(error)}): name a folder of schemas.`,
    );
  }
}

function splitName(path: string): [string, string] {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const point = file.lastIndexOf('.');
  return [file.slice(0, point), file.slice(point + 1)];
}
