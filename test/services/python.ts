// Runs programs of Python, for the check of sources, with the distribution's copy of Confluent's client and serializers.

import { join } from 'node:path';
import { exists } from './cache.ts';
import { run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import type { Progress } from './start.ts';

const timeoutMs = 180_000;

/** Python with Confluent's client for Kafka, and protoc. */
export interface Python {
  /** Runs a program with these arguments and this input. */
  run(program: string, programArguments: readonly string[], input: string, folder: string): Promise<void>;
  /** Makes the Python module of a Protobuf schema in `folder`. */
  compileProto(schema: string, folder: string): Promise<void>;
}

export async function findPython(
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<Python> {
  const packages = ['python3-confluent-kafka', 'python3-jsonschema', 'python3-protobuf', 'python3-requests'];
  const software = {
    name: 'Python-Kafka',
    packages: [[...packages, 'protobuf-compiler', 'libprotobuf-dev']],
    remedy: `apt-get install ${packages.join(' ')} protobuf-compiler libprotobuf-dev`,
  };
  const root = await unpackedDebianPackages(software, environment, progress);
  const own = join(root, 'usr/bin/python3');
  // The packages are built for the distribution's Python, not for another one in PATH.
  const python = await launcherOf(root, (await exists(own)) ? own : '/usr/bin/python3', {
    PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
  });
  const protoc = await launcherOf(root, 'usr/bin/protoc');
  return {
    run: async (program, programArguments, input, folder) => {
      await run(python, [program, ...programArguments], { cwd: folder, timeoutMs, stdin: input });
    },
    compileProto: async (schema, folder) => {
      const include = join(root, 'usr/include');
      const place = join(schema, '..');
      await run(protoc, [`--python_out=${folder}`, `-I${place}`, `-I${include}`, schema], { timeoutMs });
    },
  };
}
