// Starts a schema registry, Apicurio, for the check of sources. It answers its own API and Confluent's.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { findJava } from './java.ts';
import { unpackedArchive } from './maven.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress } from './start.ts';

const archive = 'apicurio-registry-3.0.9';
const startTimeoutMs = 180_000;

/** A registry that keeps its schemas in memory. */
export interface SchemaRegistry {
  readonly description: string;
  /** The base of Apicurio's own API. */
  readonly apicurioUrl: string;
  /** The base of the API of Confluent's registry. */
  readonly confluentUrl: string;
  stop(): Promise<void>;
}

/** Starts the registry, always as a private process. */
export async function startSchemaRegistry(
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<SchemaRegistry> {
  const java = await findJava(environment, progress);
  const home = await unpackedArchive(archive, environment, progress);
  const jar = (await readdir(home)).find((name) => name.endsWith('-runner.jar')) ?? '';
  return withFreshPorts(async () => {
    const port = await freePort();
    const flags = ['-XX:-UsePerfData', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx512m'];
    const settings = ['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`];
    const service = startPrivateProcess({
      name: 'Apicurio Registry',
      folder: privateFolder('registry'),
      steps: [[java.path, ...flags, ...settings, '-jar', join(home, jar)]],
    });
    const base = `http://127.0.0.1:${port}/apis`;
    await untilReady(service, () => answers(`${base}/ccompat/v7/subjects`), startTimeoutMs);
    return {
      description: 'Apicurio Registry 3.0.9',
      apicurioUrl: `${base}/registry/v3`,
      confluentUrl: `${base}/ccompat/v7`,
      stop: service.stop,
    };
  });
}

async function answers(url: string): Promise<void> {
  const { statusCode, body } = await request(url);
  await body.dump();
  if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
}
