import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { lockDataDirectory } from '../../../src/apps/start/instance-lock.ts';

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, file: join(folder, 'start.pid') };
}

describe('the lock of a data directory', () => {
  it('names the process that has it, until it gives it back', () => {
    const { folder, file } = place();
    const unlock = lockDataDirectory(folder);
    expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
    unlock();
    expect(existsSync(file)).toBe(false);
  });

  it('holds while the process lives that has it', () => {
    const { folder, file } = place();
    writeFileSync(file, String(process.ppid));
    expect(() => lockDataDirectory(folder)).toThrow(
      expect.objectContaining({ code: 'data_directory_in_use' }),
    );
    expect(readFileSync(file, 'utf8')).toBe(String(process.ppid));
  });

  it('holds while a process of another user has it, which may not be sent a signal', () => {
    const { folder, file } = place();
    writeFileSync(file, '4242');
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    onTestFinished(() => kill.mockRestore());
    expect(() => lockDataDirectory(folder)).toThrow(
      expect.objectContaining({ code: 'data_directory_in_use' }),
    );
    expect(readFileSync(file, 'utf8')).toBe('4242');
  });

  it.each([
    ['of a process that crashed', () => String(spawnSync(process.execPath, ['--version']).pid)],
    ['of a process that had the same id', () => String(process.pid)],
    ['that was cut off as it was written', () => ''],
  ])('passes on if it is one %s', (_, written) => {
    const { folder, file } = place();
    writeFileSync(file, written());
    lockDataDirectory(folder);
    expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
  });
});
