import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TributaryError } from '../../core/errors.ts';
import { prepareFolder } from '../shared/process/private-files.ts';

/**
 * Locks the data directory, so that two of these programs never use it at once. The file start.pid holds the process id of the
 * program that runs. If that process is gone, the file is left over from a crash and is taken over. Returns a function that
 * unlocks the directory. Throws `data_directory_in_use`.
 */
export function lockDataDirectory(dataDirectory: string): () => void {
  prepareFolder({ folder: dataDirectory, setting: 'TRIBUTARY_DATA_DIR' });
  const file = join(dataDirectory, 'start.pid');
  for (let attempt = 1; ; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw error;
      const holder = Number(readFileSync(file, 'utf8'));
      if (isRunning(holder)) throw inUse(dataDirectory, holder);
      rmSync(file, { force: true });
    }
  }
}

function isRunning(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0 || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(dataDirectory: string, holder: number): TributaryError {
  return new TributaryError(
    'data_directory_in_use',
    `Tributary already runs on ${dataDirectory}, as process ${holder}. Use it (npm run event-producer -- ... works beside ` +
      `it), stop it (kill ${holder}), or start another one beside it with its own directory and ports: ` +
      'TRIBUTARY_DATA_DIR=other ORDER_SYNC_PORT=0 ORDER_MGT_PORT=0 npm start',
  );
}
