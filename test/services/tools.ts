// Kafka clients that are not ours: the command line classes that come with Kafka, and kcat.

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaAddress, KcatAddress } from './addresses.ts';
import { makeOnce } from './cache.ts';
import { type CommandResult, findProgram, run } from './commands.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import { findJava } from './java.ts';
import { kafkaVersion, shortLivedJava } from './kafka.ts';
import { log4j2File } from './kafka-settings.ts';
import { fetchJars, readManifest } from './maven.ts';
import type { Progress, Started } from './start.ts';

const toolTimeoutMs = 120_000;
const packagesOfTools: Readonly<Record<string, string>> = {
  ConsoleConsumer: 'org.apache.kafka.tools.consumer',
  ConsumerGroupCommand: 'org.apache.kafka.tools.consumer.group',
  ConfigCommand: 'kafka.admin',
};

/**
 * Runs a command line class of Kafka 4.3 against a cluster (any that speaks the protocol): `ConsoleProducer`,
 * `ConsoleConsumer`, `TopicCommand`, `GetOffsetShell`, or any class by its full name. `--bootstrap-server` is
 * added. Rejects when the class ends with an error.
 */
export async function kafkaTool(
  cluster: Pick<KafkaAddress, 'brokers'>,
  tool: string,
  toolArguments: readonly string[],
  stdin?: string | Buffer,
  options: { readonly timeoutMs?: number; readonly environment?: ServicesEnvironment } = {},
): Promise<CommandResult> {
  const environment = options.environment ?? readEnvironment();
  const java = await findJava(environment);
  const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, (line) =>
    process.stderr.write(`${line}\n`),
  );
  const className = tool.includes('.')
    ? tool
    : `${packagesOfTools[tool] ?? 'org.apache.kafka.tools'}.${tool}`;
  const folder = await mkdtemp(join(tmpdir(), 'tributary-kafka-tool-'));
  try {
    const logging = join(folder, 'log4j2.properties');
    await writeFile(
      logging,
      log4j2File.replace('= Console\n', '= Console\nappender.out.target = SYSTEM_ERR\n'),
    );
    const [command, ...flags] = shortLivedJava(java, jars, `-Dlog4j2.configurationFile=${logging}`);
    const bootstrap = ['--bootstrap-server', cluster.brokers.join(',')];
    return await run(command as string, [...flags, className, ...bootstrap, ...toolArguments], {
      stdin,
      timeoutMs: options.timeoutMs ?? toolTimeoutMs,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs kcat. `-b` is added. Rejects when it ends with an error. */
export function kcat(
  program: KcatAddress,
  cluster: Pick<KafkaAddress, 'brokers'>,
  kcatArguments: readonly string[],
  stdin?: string | Buffer,
): Promise<CommandResult> {
  const library = program.libraryFolder;
  return run(program.path, ['-b', cluster.brokers.join(','), ...kcatArguments], {
    stdin,
    environment: library === undefined ? {} : { LD_LIBRARY_PATH: library },
    timeoutMs: toolTimeoutMs,
  });
}

/** kcat of the machine, else Debian's packages of it, unpacked in the cache: nothing is installed. */
export async function findKcat(
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<KcatAddress>> {
  const path = findProgram('kcat', environment.path) ?? findProgram('kafkacat', environment.path);
  const found =
    path === undefined ? await unpackedKcat(environment, progress) : { path, libraryFolder: undefined };
  const origin = path === undefined ? 'private' : 'system';
  const { stdout } = await run(found.path, ['-V'], {
    environment: found.libraryFolder === undefined ? {} : { LD_LIBRARY_PATH: found.libraryFolder },
  });
  const version = /Version ([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version';
  const description = `kcat ${version} (${origin === 'private' ? 'private' : found.path})`;
  return { address: { name: 'kcat', ...found, origin, description }, stop: async () => {} };
}

const kcatFolderName = 'kcat-debian';

async function unpackedKcat(
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Pick<KcatAddress, 'path' | 'libraryFolder'>> {
  const remedy = 'apt-get install kcat (or your system’s package)';
  if (findProgram('apt-get', environment.path) === undefined) {
    throw new ServiceUnavailableError('there is no kcat on this machine', remedy);
  }
  const folder = join(environment.cacheFolder, kcatFolderName);
  try {
    await makeOnce(folder, async (temporaryFolder) => {
      progress(`Downloading Debian's kcat, once, into ${environment.cacheFolder}`);
      await mkdir(temporaryFolder);
      await downloadDebianPackages('kcat', temporaryFolder);
    });
    const libraries = (await readdir(join(folder, 'usr', 'lib'))).filter((name) =>
      name.endsWith('-linux-gnu'),
    );
    return {
      path: join(folder, 'usr', 'bin', 'kcat'),
      libraryFolder: libraries.map((name) => join(folder, 'usr', 'lib', name)).join(':'),
    };
  } catch (error) {
    throw new ServiceUnavailableError(
      `there is no kcat on this machine, and its Debian package could not be had: ${messageOf(error)}`,
      remedy,
    );
  }
}

/** apt checks what it downloads against the signed lists; with lists of our own it needs no root either. */
async function downloadDebianPackages(name: string, folder: string): Promise<void> {
  const simulate = (options: readonly string[]): Promise<CommandResult> =>
    run('apt-get', [...options, '--simulate', '--no-install-recommends', 'install', name]);
  let options: string[] = [];
  const plan = await simulate(options).catch(async () => {
    // The machine's package lists are missing or too old: fresh ones, in this folder only.
    const own = join(folder, 'apt');
    await mkdir(join(own, 'lists', 'partial'), { recursive: true });
    await mkdir(join(own, 'cache', 'archives', 'partial'), { recursive: true });
    options = ['-o', `Dir::State::lists=${join(own, 'lists')}`, '-o', `Dir::Cache=${join(own, 'cache')}`];
    await run('apt-get', [...options, 'update'], { timeoutMs: toolTimeoutMs });
    return simulate(options);
  });
  const packages = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string);
  await run('apt-get', [...options, 'download', ...packages], { cwd: folder, timeoutMs: toolTimeoutMs });
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.deb')) continue;
    await run('dpkg-deb', ['--extract', join(folder, file), folder]);
    await rm(join(folder, file));
  }
  await rm(join(folder, 'apt'), { recursive: true, force: true });
}
