// Services in containers, for machines where Docker answers.

import { randomBytes } from 'node:crypto';
import { findProgram, run } from './commands.ts';
import type { ServicesEnvironment } from './environment.ts';
import { type PrivateProcess, privateFolder, startPrivateProcess } from './private-process.ts';

/** A first start may have to pull the image. */
export const containerTimeoutMs = 300_000;
const answerTimeoutMs = 5_000;
const answers = new Map<string, Promise<boolean>>();

/** Whether a Docker daemon answers; asked once a process. */
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
  /** Host port (of 127.0.0.1) to container port. */
  readonly ports: Readonly<Record<number, number>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
}

/** Runs a container under the same supervisor as private processes: gone when this process is gone. */
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
    // Killing the docker command leaves its container running.
    cleanup: [['docker', 'rm', '--force', '--volumes', name]],
  });
}
