import { readFileSync, statSync } from 'node:fs';

/** SQLite's write lock is this byte of the file `-shm`: https://www.sqlite.org/walformat.html#locks */
const WRITE_LOCK_BYTE = 120;

/**
 * Says in one sentence which process holds the write lock of an SQLite file in WAL mode, and what to do about it. Null if no
 * process holds the lock, or if the system does not tell: only Linux lists its locks, and it hides processes of other
 * containers.
 *
 * A process that was stopped keeps its lock, and no other process can take the lock away.
 */
export function whoHolds(file: string): string | null {
  const pid = holderOf(`${file}-shm`);
  if (pid === null || pid === process.pid) return null;
  const { state, command } = describe(pid);
  const who = `process ${pid}${command === '' ? '' : ` (${command})`}`;
  return state === 'T' || state === 't'
    ? `Its write lock is held by ${who}, which is stopped: let it go on by "kill -CONT ${pid}", or end it by "kill -KILL ${pid}".`
    : `Its write lock is held by ${who}, which is not stopped: see what it does, and end it if it hangs.`;
}

/** The process that holds the lock, or null. Fields of a line by proc_locks(5): the fourth is the type, then process, file and range. */
function holderOf(file: string): number | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return null;
  for (const line of linesOf('/proc/locks')) {
    const [, , , type, pid, place = '', start, end] = line.trim().split(/\s+/);
    if (type !== 'WRITE' || !place.endsWith(`:${found.ino}`)) continue;
    const isCovered = Number(start) <= WRITE_LOCK_BYTE && (end === 'EOF' || Number(end) >= WRITE_LOCK_BYTE);
    // The number 0 stands for a process of another container.
    if (isCovered && Number(pid) > 0) return Number(pid);
  }
  return null;
}

/** The state of the process as a letter of proc_pid_stat(5), and the program that it runs. */
function describe(pid: number): { state: string; command: string } {
  const [stat = ''] = linesOf(`/proc/${pid}/stat`);
  // The name stands in parentheses and may hold anything. The fields behind the last parenthesis are regular.
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
  const [command = ''] = linesOf(`/proc/${pid}/cmdline`);
  const programs = command.split('\0').filter((argument) => /\.[cm]?[jt]s$/.test(argument));
  return { state, command: programs[0] ?? '' };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
