import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';

/** A server that starts a helper process, and writes both process ids to a file in its folder. */
const serverSource = `
  const { spawn } = require('node:child_process');
  const helper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  require('node:fs').writeFileSync('pids.part', process.pid + ' ' + helper.pid);
  require('node:fs').renameSync('pids.part', 'pids');
  setInterval(() => {}, 1000);
`;
const node = process.execPath;

async function readPids(folder: string): Promise<number[]> {
  return readFileSync(join(folder, 'pids'), 'utf8').split(' ').map(Number);
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    // A zombie has been killed, and only waits for its parent to read its exit code.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${processId}/status`, 'utf8'));
  } catch (error) {
    // macOS has no /proc, so a zombie counts as alive there.
    return (error as NodeJS.ErrnoException).path !== undefined && process.platform !== 'linux';
  }
}

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

describe('a private process', { timeout: 120_000 }, () => {
  test('runs its steps one after the other with its files, and stop() leaves no process and no folder', async () => {
    const folder = privateFolder('test');
    const service = startPrivateProcess({
      name: 'test',
      folder,
      files: { 'settings/first.txt': 'from the asker' },
      steps: [
        [node, '-e', "require('node:fs').renameSync('settings/first.txt', 'second.txt')"],
        [node, '-e', serverSource],
      ],
    });
    const pids = await untilReady(service, () => readPids(folder), 30_000);
    expect(readFileSync(join(folder, 'second.txt'), 'utf8')).toBe('from the asker');
    expect(pids.map(isAlive)).toEqual([true, true]);
    await service.stop();
    await service.stop();
    expect(existsSync(folder)).toBe(false);
    await untilTrue(() => !pids.some(isAlive));
  });

  test('fails with its exit code and the end of its log if it ends before it is ready', async () => {
    const folder = privateFolder('test');
    const failing = "console.error('the disk is made of cheese'); process.exit(3)";
    const service = startPrivateProcess({ name: 'test', folder, steps: [[node, '-e', failing]] });
    const ready = untilReady(service, () => readPids(folder), 30_000);
    await expect(ready).rejects.toThrow(/test ended with code 3 while starting[\s\S]*made of cheese/);
    expect(existsSync(folder)).toBe(false);
  });

  test('fails with the name of its program if that is missing', async () => {
    const folder = privateFolder('test');
    const service = startPrivateProcess({ name: 'test', folder, steps: [['/nowhere/mysqld']] });
    const ready = untilReady(service, () => readPids(folder), 30_000);
    await expect(ready).rejects.toThrow('/nowhere/mysqld could not be started');
  });

  test('stops and reports the last failed probe if it is not ready in time', async () => {
    const folder = privateFolder('test');
    const service = startPrivateProcess({ name: 'test', folder, steps: [[node, '-e', serverSource]] });
    const probe = (): Promise<never> => Promise.reject(new Error('nobody home'));
    await expect(untilReady(service, probe, 300)).rejects.toThrow('nobody home');
    expect(existsSync(folder)).toBe(false);
  });

  test('ends, and its folder is deleted, after SIGKILL of the process that started it', async () => {
    const folder = privateFolder('test');
    const source = `
      import { startPrivateProcess } from ${JSON.stringify(join(import.meta.dirname, 'private-process.ts'))};
      const steps = [[process.execPath, '-e', ${JSON.stringify(serverSource)}]];
      startPrivateProcess({ name: 'test', folder: ${JSON.stringify(folder)}, steps });
      setInterval(() => {}, 1000);
    `;
    const asker = spawn(node, ['--input-type=module', '-e', source], { stdio: 'ignore' });
    await untilTrue(() => existsSync(join(folder, 'pids')));
    const pids = await readPids(folder);
    expect(pids.map(isAlive)).toEqual([true, true]);
    asker.kill('SIGKILL');
    await untilTrue(() => !existsSync(folder) && !pids.some(isAlive));
  });
});

describe('withFreshPorts', () => {
  test('tries again if a port was taken, and after no other error', async () => {
    let attempts = 0;
    const start = async (message: string): Promise<number> => {
      attempts += 1;
      if (attempts === 1) throw new Error(message);
      return attempts;
    };
    expect(await withFreshPorts(() => start('java.net.BindException: Address already in use'))).toBe(2);
    attempts = 0;
    await expect(withFreshPorts(() => start('no such file'))).rejects.toThrow('no such file');
  });
});
