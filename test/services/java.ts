import { join } from 'node:path';
import { findProgram, run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { ServiceUnavailableError } from './errors.ts';

export interface Java {
  readonly path: string;
  /** The major version: 17 of 17.0.15, 8 of 1.8.0. */
  readonly version: number;
}

export const oldestJava = 17;
const remedy = `install Java ${oldestJava} or newer (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME`;

/** The Java of JAVA_HOME, else of PATH. Kafka 4 needs 17 or newer, brokers and tools alike. */
export async function findJava(environment: ServicesEnvironment): Promise<Java> {
  const path =
    environment.javaHome === undefined
      ? findProgram('java', environment.path)
      : join(environment.javaHome, 'bin', 'java');
  if (path === undefined) throw new ServiceUnavailableError('there is no java on this machine', remedy);
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
