// Finds Prometheus and promtool on the machine, else makes private copies of the distribution's package, and starts a
// private server.

import { join } from 'node:path';
import { run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { findOfMachine, readEnvironment, type ServicesEnvironment } from './environment.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress } from './start.ts';

const startTimeoutMs = 60_000;
const toolTimeoutMs = 60_000;

export interface PrometheusPrograms {
  /** The paths of the two programs. */
  readonly server: string;
  readonly promtool: string;
}

/** Rejects with a ServiceUnavailableError if there is no Prometheus, and none can be had. */
export async function findPrometheus(
  environment: ServicesEnvironment = readEnvironment(),
  progress: Progress = (line) => void process.stderr.write(`${line}\n`),
): Promise<PrometheusPrograms> {
  const server = findOfMachine('prometheus', environment);
  const promtool = findOfMachine('promtool', environment);
  if (server !== undefined && promtool !== undefined) return { server, promtool };
  const remedy = 'apt-get install prometheus (or your system’s package)';
  const software = { name: 'prometheus', packages: [['prometheus']], remedy };
  const folder = await unpackedDebianPackages(software, environment, progress);
  return {
    server: await launcherOf(folder, 'usr/bin/prometheus'),
    promtool: await launcherOf(folder, 'usr/bin/promtool'),
  };
}

/** Runs promtool to its end, in `folder`. Rejects with its output if it finds a fault. */
export async function promtool(
  { promtool: program }: PrometheusPrograms,
  toolArguments: readonly string[],
  folder: string,
): Promise<string> {
  const { stdout } = await run(program, toolArguments, { cwd: folder, timeoutMs: toolTimeoutMs });
  return stdout;
}

export interface RunningPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server with this configuration. Its data is deleted when it stops. */
export function startPrometheus(
  { server }: PrometheusPrograms,
  configuration: string,
): Promise<RunningPrometheus> {
  return withFreshPorts(async () => {
    const port = await freePort();
    const folder = privateFolder('prometheus');
    const url = `http://127.0.0.1:${port}`;
    const service = startPrivateProcess({
      name: 'prometheus',
      folder,
      files: { 'prometheus.yml': configuration },
      steps: [
        [
          server,
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--log.level=warn',
        ],
      ],
    });
    await untilReady(
      service,
      async () => {
        const answer = await fetch(`${url}/-/ready`);
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`It answers ${answer.status}.`);
      },
      startTimeoutMs,
    );
    return { url, stop: () => service.stop() };
  });
}
