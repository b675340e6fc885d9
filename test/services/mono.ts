// Compiles and runs programs of C#, for the check of sources, with the distribution's Mono and its Newtonsoft.Json.

import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import type { Progress } from './start.ts';

const timeoutMs = 120_000;
const json = 'Newtonsoft.Json.dll';

/** Compiles a program of one file and runs it with this input. Returns what it has written to its standard output. */
export async function runCSharp(
  source: string,
  folder: string,
  input: string,
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<string> {
  const software = {
    name: 'Mono',
    packages: [['mono-mcs', 'mono-runtime', 'libnewtonsoft-json5.0-cil']],
    remedy: 'apt-get install mono-mcs mono-runtime libnewtonsoft-json5.0-cil',
  };
  const root = await unpackedDebianPackages(software, environment, progress);
  const assemblies = join(root, 'usr/lib/mono');
  const mono = await launcherOf(root, 'usr/bin/mono-sgen', {
    MONO_PATH: join(assemblies, '4.5'),
    MONO_CFG_DIR: join(root, 'etc'),
  });
  const cli = join(root, 'usr/lib/cli');
  const home = (await readdir(cli)).find((name) => name.startsWith('Newtonsoft.Json')) ?? '';
  await copyFile(join(cli, home, json), join(folder, json));
  const program = join(folder, 'producer.exe');
  const compiler = join(assemblies, '4.5', 'mcs.exe');
  await run(mono, [compiler, `-r:${join(folder, json)}`, `-out:${program}`, source], {
    cwd: folder,
    timeoutMs,
  });
  await writeFile(join(folder, 'input.ndjson'), input);
  return (await run(mono, [program, join(folder, 'input.ndjson')], { cwd: folder, timeoutMs })).stdout;
}
