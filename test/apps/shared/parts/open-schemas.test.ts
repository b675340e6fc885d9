import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { openSchemas } from '../../../../src/apps/shared/parts/open-schemas.ts';
import { AVRO_ORDER, startRegistry } from '../../../adapters/schema-registry/registry.ts';

const NONE = {
  schemaRegistryUrl: undefined,
  schemaRegistryToken: undefined,
  schemaRegistryCaFile: undefined,
  schemaFolder: undefined,
};

describe('openSchemas', () => {
  it('opens nothing without a registry and without a folder', () => {
    expect(openSchemas(NONE, systemClock)).toBeNull();
  });

  it('asks the registry with its token', async () => {
    const { url, asked } = await startRegistry({ '/schemas/ids/7': { schema: AVRO_ORDER } });
    const settings = { ...NONE, schemaRegistryUrl: url, schemaRegistryToken: 'a token' };
    await openSchemas(settings, systemClock)?.prepare(['7']);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer a token']);
  });

  it('reads a folder before it asks the registry', async () => {
    const path = await mkdtemp(join(tmpdir(), 'tributary-schemas-'));
    onTestFinished(() => rm(path, { recursive: true, force: true }));
    await writeFile(join(path, '7.avsc'), AVRO_ORDER);
    const { url, asked } = await startRegistry({});
    const schemas = openSchemas({ ...NONE, schemaRegistryUrl: url, schemaFolder: path }, systemClock);
    await schemas?.prepare(['7']);
    expect(asked).toEqual([]);
  });

  it('refuses a file of authorities that cannot be read, and names it', () => {
    const settings = { ...NONE, schemaRegistryUrl: 'https://registry', schemaRegistryCaFile: '/no/ca.pem' };
    expect(() => openSchemas(settings, systemClock)).toThrow(
      /SCHEMA_REGISTRY_CA_FILE names \/no\/ca\.pem, which cannot be read/,
    );
  });
});
