import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { findOfMachine, type ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import type { Progress } from './start.ts';

export interface Java {
  readonly path: string;
  /** The major version: 17 for 17.0.15, 8 for 1.8.0. */
  readonly version: number;
}

export const oldestJava = 17;
const remedy = `install Java ${oldestJava} or newer (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME`;

/** Kafka 3.9 does not run on every newer Java. Debian 12 has Java 17, Debian 13 has 21, and Ubuntu has both. */
const packages = [['openjdk-21-jre-headless'], ['openjdk-17-jre-headless']];

/**
 * Finds the Java of JAVA_HOME, else of PATH, else a private copy of the distribution's package. Brokers and tools of
 * Kafka 4 need Java 17 or newer.
 */
export async function findJava(environment: ServicesEnvironment, progress: Progress): Promise<Java> {
  const { javaHome, areSystemProgramsAllowed } = environment;
  if (javaHome !== undefined && areSystemProgramsAllowed) return javaAt(join(javaHome, 'bin', 'java'));
  const path = findOfMachine('java', environment);
  if (path === undefined) return privateJava(environment, progress);
  try {
    return await javaAt(path);
  } catch (error) {
    progress(`${messageOf(error)}, so a private copy of Java is used.`);
    return privateJava(environment, progress);
  }
}

async function privateJava(environment: ServicesEnvironment, progress: Progress): Promise<Java> {
  const software = { name: 'Java', packages, remedy };
  const folder = await unpackedDebianPackages(software, environment, progress);
  const homes = await readdir(join(folder, 'usr', 'lib', 'jvm'));
  const home = homes.find((name) => /^java-\d+-openjdk/.test(name));
  if (home === undefined) throw new ServiceUnavailableError(`${folder} has no Java`, remedy);
  return javaAt(await launcherOf(folder, join('usr', 'lib', 'jvm', home, 'bin', 'java')));
}

async function javaAt(path: string): Promise<Java> {
  const { stderr, stdout } = await run(path, ['-version']).catch((error: unknown) => {
    throw new ServiceUnavailableError(`${path} does not run`, remedy, { cause: error });
  });
  const version = majorVersionOf(`${stderr}\n${stdout}`);
  if (version === undefined || version < oldestJava) {
    throw new ServiceUnavailableError(`${path} is Java ${version ?? 'of an unknown version'}`, remedy);
  }
  return { path, version };
}

export function majorVersionOf(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output);
  return match === null ? undefined : Number(match[1]);
}
