/** Compiles and starts programs in Java, with jars from Maven Central. No JDK is needed: the compiler is a jar too. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { run } from '../../test/services/commands.ts';
import { readEnvironment } from '../../test/services/environment.ts';
import { findJava } from '../../test/services/java.ts';
import { fetchJars, readManifest } from '../../test/services/maven.ts';

const RELEASE = 17;

export interface JavaProgram {
  /** The command line up to the words of the program. */
  readonly command: readonly string[];
  readonly version: string;
}

/**
 * Compiles all sources of a folder against the jars of a manifest. `heap` is the most that the program may take, and `opened` the
 * packages of Java itself that it looks into.
 */
export async function compileJava(
  check: RunningCheck,
  folder: string,
  manifest: string,
  mainClass: string,
  heap: string,
  opened: readonly string[] = [],
): Promise<JavaProgram> {
  const environment = readEnvironment();
  const progress = (line: string) => check.progress(line);
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(manifest), environment, progress);
  const [compiler] = await fetchJars(await readManifest('ecj-3.46.100'), environment, progress);
  const classes = join(check.temporaryFolder(), 'classes');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.java'));
  await run(java.path, [
    ...['-jar', compiler as string, '--release', String(RELEASE), '-proc:none', '-d', classes],
    ...['-cp', jars.join(':'), ...sources.map((name) => join(folder, name))],
  ]);
  const opens = opened.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  const flags = ['-XX:-UsePerfData', '-XX:+UseG1GC', `-Xmx${heap}`, ...opens];
  return {
    command: [java.path, ...flags, '-cp', [classes, ...jars].join(':'), mainClass],
    version: `Java ${java.version}`,
  };
}
