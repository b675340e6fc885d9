// Starts services in containers, on machines where a Docker daemon answers.

import { randomBytes } from 'node:crypto';
import { findProgram, run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { type PrivateProcess, privateFolder, startPrivateProcess } from './private-process.ts';

/** The time in which a container must answer. Its first start may have to pull the image. */
export const containerTimeoutMs = 300_000;
const answerTimeoutMs = 5_000;
const answers = new Map<string, Promise<boolean>>();

/** Tells whether a Docker daemon answers. Each process asks once. */
export function isDockerAnswering(environment: ServicesEnvironment): Promise<boolean> {
  if (!environment.isDockerAllowed) return Promise.resolve(false);
  const docker = findProgram('docker', environment.path);
  if (docker === undefined) return Promise.resolve(false);
  const known = answers.get(docker);
  if (known !== undefined) return known;
  const answer = run(docker, ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: answerTimeoutMs }).then(
    (result) => result.stdout.trim() !== '',
    () => false,
  );
  answers.set(docker, answer);
  return answer;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  /** The port of the container by the port of 127.0.0.1 that leads to it. */
  readonly ports: Readonly<Record<number, number>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
}

/** Runs a container under the supervisor of private processes, which removes it when this process ends. */
export function startContainer(container: Container): PrivateProcess {
  const name = `tributary-${container.name}-${randomBytes(4).toString('hex')}`;
  const ports = Object.entries(container.ports).flatMap(([host, inside]) => [
    '-p',
    `127.0.0.1:${host}:${inside}`,
  ]);
  const variables = Object.entries(container.environment).flatMap(([key, value]) => [
    '-e',
    `${key}=${value}`,
  ]);
  return startPrivateProcess({
    name: `${container.name} (Docker, ${container.image})`,
    folder: privateFolder(container.name),
    steps: [
      [
        'docker',
        'run',
        '--rm',
        '--name',
        name,
        ...ports,
        ...variables,
        container.image,
        ...container.arguments,
      ],
    ],
    // The container goes on when the docker command is killed, so it is removed by its name.
    cleanup: [['docker', 'rm', '--force', '--volumes', name]],
  });
}
