/** Reads CPU time and memory of processes from Linux's /proc. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** /proc reports CPU time in hundredths of a second on every Linux. */
const TICKS_PER_SECOND = 100;

/** Returns the CPU seconds of the process so far, with those of its ended children. */
export function cpuSecondsOf(pid: number): number {
  const fields = statFields(pid);
  // utime, stime, cutime and cstime are fields 14 to 17 of proc(5); `fields` starts at field 3.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

/** Returns the peak resident memory of the process, in MiB. */
export function peakMemoryMibOf(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1] ?? 0) / 1_024);
}

/** Finds the descendant of this process whose command line matches, such as a server that a supervisor started. */
export function descendantPid(pattern: RegExp): number | undefined {
  return descendantPids(pattern)[0];
}

/** Finds all descendants of this process whose command lines match. */
export function descendantPids(pattern: RegExp): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      parents.set(pid, Number(statFields(pid)[1]));
    } catch {
      // The process has ended since the folder was listed.
    }
  }
  const isDescendant = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && parent !== 0 && (parent === process.pid || isDescendant(parent));
  };
  return [...parents.keys()].filter((pid) => isDescendant(pid) && pattern.test(commandLineOf(pid)));
}

export function machine(): { cores: number; cpu: string; memory_gib: number } {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
  };
}

/** Returns the fields of /proc/<pid>/stat from the third on. The second, in brackets, may contain spaces. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
