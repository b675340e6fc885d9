import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EnvHttpProxyAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { type Artifact, coordinatesOf, downloadArtifact, fetchJars, readManifest } from './maven.ts';

const content = Buffer.from('the bytes of a jar');
const artifact: Artifact = {
  path: 'org/example/thing/1.0/thing-1.0.jar',
  sha256: createHash('sha256').update(content).digest('hex'),
  bytes: content.length,
};
const manifest = { title: 'a thing', artifacts: [artifact] };
const quiet = (): void => {};

let served: Buffer;
let requests: string[];
let server: Server;
let folder: string;
let environment: ServicesEnvironment;
let jarPath: string;

beforeEach(async () => {
  served = content;
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (request.url === `/maven2/${artifact.path}`) response.end(served);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = mkdtempSync(join(tmpdir(), 'tributary-maven-test-'));
  const { port } = server.address() as AddressInfo;
  environment = readEnvironment({
    XDG_CACHE_HOME: folder,
    MAVEN_REPOSITORY_URL: `http://127.0.0.1:${port}/maven2/`,
  });
  jarPath = join(folder, 'tributary', 'maven', artifact.path);
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

describe('fetchJars', () => {
  test('puts a jar with the right checksum in the cache, and downloads it only once', async () => {
    expect(await fetchJars(manifest, environment, quiet)).toEqual([jarPath]);
    expect(readFileSync(jarPath)).toEqual(content);
    await fetchJars(manifest, environment, quiet);
    expect(requests).toHaveLength(1);
  });

  test('refuses a jar with another checksum than the committed one, and deletes it', async () => {
    served = Buffer.from('the bytes of a jaR');
    await expect(fetchJars(manifest, environment, quiet)).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      message: expect.stringContaining(artifact.sha256),
    });
    expect(readdirSync(dirname(jarPath))).toEqual([]);
  });

  test('downloads a jar again when the cached one has another size', async () => {
    await fetchJars(manifest, environment, quiet);
    writeFileSync(jarPath, 'cut');
    await fetchJars(manifest, environment, quiet);
    expect(readFileSync(jarPath)).toEqual(content);
  });

  test('gives three concurrent callers the same whole jar, and leaves no partial files', async () => {
    await Promise.all([1, 2, 3].map(() => fetchJars(manifest, environment, quiet)));
    expect(readFileSync(jarPath)).toEqual(content);
    expect(readdirSync(dirname(jarPath))).toEqual(['thing-1.0.jar']);
  });

  test('reports the address and the HTTP status when a jar is missing', async () => {
    const missing = { ...artifact, path: 'org/example/other/1.0/other-1.0.jar' };
    const dispatcher = new EnvHttpProxyAgent();
    const download = downloadArtifact(missing, jarPath, environment.mavenRepositoryUrl, dispatcher);
    await expect(download).rejects.toMatchObject({
      message: expect.stringContaining('other-1.0.jar'),
      cause: expect.objectContaining({ message: 'HTTP status 404' }),
    });
    await dispatcher.close();
  });
});

describe('the committed manifests', () => {
  test.each(['kafka-4.3.0', 'kafka-3.9.1', 'mysql-8.0.15'])(
    '%s lists each jar once, with size and SHA-256',
    async (name) => {
      const { artifacts } = await readManifest(name);
      expect(artifacts.length).toBeGreaterThan(0);
      expect(new Set(artifacts.map(({ path }) => path)).size).toBe(artifacts.length);
      for (const { path, sha256, bytes } of artifacts) {
        expect(path).toMatch(/^[\w./-]+\.jar$/);
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(bytes).toBeGreaterThan(0);
      }
    },
  );

  test('hold paths from which coordinatesOf reads coordinates, with and without a classifier', () => {
    expect(coordinatesOf('org/apache/kafka/kafka_2.13/4.3.0/kafka_2.13-4.3.0.jar')).toEqual({
      groupId: 'org.apache.kafka',
      artifactId: 'kafka_2.13',
      version: '4.3.0',
      classifier: undefined,
    });
    const native = 'io/netty/netty-epoll/4.1.1.Final/netty-epoll-4.1.1.Final-linux-x86_64.jar';
    expect(coordinatesOf(native).classifier).toBe('linux-x86_64');
  });
});
