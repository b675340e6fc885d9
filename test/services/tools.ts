// Runs Kafka clients of other authors: the command line classes of Kafka itself, and kcat.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaAddress, KcatAddress } from './addresses.ts';
import { type CommandResult, run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { findOfMachine, readEnvironment, type ServicesEnvironment } from './environment.ts';
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
 * Runs a command line class of Kafka 4.3 against a cluster: `ConsoleProducer`, `ConsoleConsumer`, `TopicCommand`,
 * `GetOffsetShell`, or any class by its full name. Adds `--bootstrap-server`. Rejects if the class ends with an error.
 */
export async function kafkaTool(
  cluster: Pick<KafkaAddress, 'brokers'>,
  tool: string,
  toolArguments: readonly string[],
  stdin?: string | Buffer,
  options: { readonly timeoutMs?: number; readonly environment?: ServicesEnvironment } = {},
): Promise<CommandResult> {
  const environment = options.environment ?? readEnvironment();
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, progress);
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

/** Runs kcat, and adds `-b`. Rejects if kcat ends with an error. */
export function kcat(
  program: KcatAddress,
  cluster: Pick<KafkaAddress, 'brokers'>,
  kcatArguments: readonly string[],
  stdin?: string | Buffer,
): Promise<CommandResult> {
  return run(program.path, ['-b', cluster.brokers.join(','), ...kcatArguments], {
    stdin,
    timeoutMs: toolTimeoutMs,
  });
}

/** Finds kcat on the machine, else makes a private copy of the distribution's package. */
export async function findKcat(
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<KcatAddress>> {
  const ofMachine = findOfMachine('kcat', environment) ?? findOfMachine('kafkacat', environment);
  const path = ofMachine ?? (await privateKcat(environment, progress));
  const origin = ofMachine === undefined ? 'private' : 'system';
  const { stdout } = await run(path, ['-V']);
  const version = /Version ([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version';
  const description = `kcat ${version} (${ofMachine ?? 'private'})`;
  return { address: { name: 'kcat', path, origin, description }, stop: async () => {} };
}

async function privateKcat(environment: ServicesEnvironment, progress: Progress): Promise<string> {
  const remedy = 'apt-get install kcat (or your system’s package)';
  const software = { name: 'kcat', packages: [['kcat']], remedy };
  return launcherOf(await unpackedDebianPackages(software, environment, progress), 'usr/bin/kcat');
}
