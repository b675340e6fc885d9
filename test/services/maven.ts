// Downloads jars from Maven Central without Maven. A committed manifest lists every jar with its SHA-256.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvHttpProxyAgent, request } from 'undici';
import { exists, makeOnce, sha256OfFile } from './cache.ts';
import { run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { ChecksumMismatchError, messageOf, ServiceUnavailableError } from './errors.ts';

export interface Artifact {
  /** The path of the jar from the root of a Maven repository. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface Manifest {
  readonly title: string;
  readonly artifacts: readonly Artifact[];
}

const downloadsAtOnce = 6;
const attemptsPerDownload = 3;
const downloadTimeoutMs = 120_000;

export async function readManifest(name: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(import.meta.dirname, 'manifests', `${name}.jars.json`), 'utf8'));
}

/**
 * Returns the paths of a manifest's jars in the cache, and downloads missing jars. A downloaded jar is put in the cache
 * only if its SHA-256 is right. For a jar in the cache only the size is checked, which is fast.
 */
export async function fetchJars(
  manifest: Manifest,
  environment: ServicesEnvironment,
  progress: (line: string) => void,
): Promise<string[]> {
  const inCache = (artifact: Artifact): string => join(environment.cacheFolder, 'maven', artifact.path);
  const lacking: Artifact[] = [];
  for (const artifact of manifest.artifacts) {
    const path = inCache(artifact);
    const found = await stat(path).catch(() => undefined);
    if (found?.size === artifact.bytes) continue;
    await rm(path, { force: true });
    lacking.push(artifact);
  }
  if (lacking.length > 0) {
    const megabytes = Math.ceil(lacking.reduce((sum, artifact) => sum + artifact.bytes, 0) / 1e6);
    progress(
      `Downloading ${manifest.title} once: ${lacking.length} jars, ${megabytes} MB, into ${environment.cacheFolder}`,
    );
    await download(lacking, inCache, environment);
  }
  return manifest.artifacts.map(inCache);
}

/** Returns the folder with the content of an archive, which is the only artifact of its manifest. */
export async function unpackedArchive(
  name: string,
  environment: ServicesEnvironment,
  progress: (line: string) => void,
): Promise<string> {
  const folder = join(environment.cacheFolder, name);
  if (await exists(folder)) return folder;
  const [archive] = await fetchJars(await readManifest(name), environment, progress);
  await makeOnce(folder, async (temporaryFolder) => {
    await mkdir(temporaryFolder);
    await run('tar', ['-xzf', archive as string, '-C', temporaryFolder]);
  });
  return folder;
}

async function download(
  artifacts: readonly Artifact[],
  inCache: (artifact: Artifact) => string,
  environment: ServicesEnvironment,
): Promise<void> {
  try {
    await downloadOverHttp(artifacts, inCache, environment.mavenRepositoryUrl);
  } catch (error) {
    if (error instanceof ChecksumMismatchError) throw error;
    const stillLacking: Artifact[] = [];
    for (const artifact of artifacts) if (!(await exists(inCache(artifact)))) stillLacking.push(artifact);
    // Maven's settings may have a mirror or a password that this program does not know.
    await downloadByMaven(stillLacking, inCache).catch((mavenError: unknown) => {
      throw new ServiceUnavailableError(
        `${messageOf(error)}; ${messageOf(mavenError)}`,
        'give access to Maven Central, or name a mirror in MAVEN_REPOSITORY_URL',
      );
    });
  }
}

async function downloadOverHttp(
  artifacts: readonly Artifact[],
  inCache: (artifact: Artifact) => string,
  repositoryUrl: string,
): Promise<void> {
  const dispatcher = new EnvHttpProxyAgent({ allowH2: false });
  const waiting = [...artifacts];
  const work = async (): Promise<void> => {
    for (let artifact = waiting.shift(); artifact !== undefined; artifact = waiting.shift()) {
      await downloadArtifact(artifact, inCache(artifact), repositoryUrl, dispatcher);
    }
  };
  try {
    await Promise.all(Array.from({ length: downloadsAtOnce }, work));
  } finally {
    waiting.length = 0;
    await dispatcher.close();
  }
}

/** Downloads one artifact to `path`. Throws ChecksumMismatchError if its SHA-256 differs from the manifest's. */
export async function downloadArtifact(
  artifact: Artifact,
  path: string,
  repositoryUrl: string,
  dispatcher: EnvHttpProxyAgent,
): Promise<void> {
  const url = `${repositoryUrl}/${artifact.path}`;
  await makeOnce(path, async (temporaryPath) => {
    const bytes = await get(url, dispatcher);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== artifact.sha256) throw new ChecksumMismatchError(url, artifact.sha256, actual);
    await writeFile(temporaryPath, bytes);
  });
}

async function get(url: string, dispatcher: EnvHttpProxyAgent): Promise<Buffer> {
  let failure: unknown;
  for (let attempt = 1; attempt <= attemptsPerDownload; attempt += 1) {
    try {
      const signal = AbortSignal.timeout(downloadTimeoutMs);
      const response = await request(url, { dispatcher, signal });
      const body = Buffer.from(await response.body.arrayBuffer());
      if (response.statusCode === 200) return body;
      failure = new Error(`HTTP status ${response.statusCode}`);
      if (response.statusCode < 500 && response.statusCode !== 429) break;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`Could not download ${url}`, { cause: failure });
}

async function downloadByMaven(
  artifacts: readonly Artifact[],
  inCache: (artifact: Artifact) => string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-maven-'));
  try {
    await writeFile(join(folder, 'pom.xml'), projectOf(artifacts));
    await runMaven(folder);
    for (const artifact of artifacts) {
      const downloaded = join(folder, 'jars', artifact.path);
      const actual = await sha256OfFile(downloaded);
      if (actual !== artifact.sha256) throw new ChecksumMismatchError(downloaded, artifact.sha256, actual);
      await makeOnce(inCache(artifact), (temporaryPath) => copyFile(downloaded, temporaryPath));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runMaven(folder: string): Promise<void> {
  const goal = ['dependency:copy-dependencies', '-DexcludeTransitive', '-Dmdep.useRepositoryLayout=true'];
  const maven = spawn('mvn', ['-q', '-B', ...goal, `-DoutputDirectory=${join(folder, 'jars')}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  maven.stdout.on('data', (chunk) => {
    output += chunk;
  });
  maven.stderr.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    maven.on('error', (error) => reject(new Error(`mvn could not be started: ${error.message}`)));
    maven.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`mvn ended with code ${code}: ${output.slice(-600).trim()}`)),
    );
  });
}

/** Writes a Maven project that depends on exactly these artifacts. */
function projectOf(artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map((artifact) => {
    const { groupId, artifactId, version, classifier } = coordinatesOf(artifact.path);
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version>${
      classifier === undefined ? '' : `<classifier>${classifier}</classifier>`
    }</dependency>`;
  });
  return (
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
    '<groupId>tributary</groupId><artifactId>services</artifactId><version>1</version>' +
    `<dependencies>${dependencies.join('')}</dependencies></project>`
  );
}

export interface Coordinates {
  readonly groupId: string;
  readonly artifactId: string;
  readonly version: string;
  readonly classifier: string | undefined;
}

/** Reads the coordinates from a path in Maven's layout: `org/apache/kafka/kafka_2.13/4.3.0/kafka_2.13-4.3.0.jar`. */
export function coordinatesOf(path: string): Coordinates {
  const parts = path.split('/');
  const [artifactId, version, file] = parts.slice(-3);
  if (artifactId === undefined || version === undefined || file === undefined || parts.length < 4) {
    throw new Error(`${path} is not a path of a Maven repository`);
  }
  const afterVersion = file.slice(`${artifactId}-${version}`.length, -'.jar'.length);
  return {
    groupId: parts.slice(0, -3).join('.'),
    artifactId,
    version,
    classifier: afterVersion === '' ? undefined : afterVersion.slice(1),
  };
}
