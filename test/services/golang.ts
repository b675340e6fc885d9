// Builds programs of Go, for the check of sources, with the distribution's compiler and its packages of sources.

import { join } from 'node:path';
import { run } from './commands.ts';
import { unpackedDebianPackages } from './debian.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import type { Progress } from './start.ts';

const buildTimeoutMs = 300_000;

/** Builds a program of one file that may import sarama, the Kafka client. Returns the path of the program in `folder`. */
export async function buildGo(
  source: string,
  folder: string,
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<string> {
  const software = {
    name: 'Go',
    packages: [
      ['golang-go', 'golang-github-ibm-sarama-dev'],
      ['golang-go', 'golang-github-shopify-sarama-dev'],
    ],
    remedy: 'apt-get install golang-go golang-github-shopify-sarama-dev',
  };
  const root = await unpackedDebianPackages(software, environment, progress);
  const program = join(folder, 'producer');
  await run(join(root, 'usr/lib/go/bin/go'), ['build', '-o', program, source], {
    cwd: folder,
    timeoutMs: buildTimeoutMs,
    environment: {
      GOROOT: join(root, 'usr/lib/go'),
      GOPATH: join(root, 'usr/share/gocode'),
      // What is built once stays for the next run.
      GOCACHE: join(environment.cacheFolder, 'go-build'),
      GO111MODULE: 'off',
      GOFLAGS: '',
      CGO_ENABLED: '0',
    },
  });
  return program;
}
