import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells a process from every other one, so that another process can see whether it still lives. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Process ids mean something only inside one host and, with containers, one namespace. */
  readonly scope: string;
  /** When the process began, in the system's own unit; empty where the system does not tell. */
  readonly start: string;
}

export function ownIdentity(): ProcessIdentity {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has namespaces; elsewhere the host name is the scope.
  }
  return {
    pid: process.pid,
    scope: `${hostname()} ${namespace}`,
    start: readProcessStat(process.pid)?.start ?? '',
  };
}

/**
 * Whether the process is surely gone. False also means "cannot tell": a process of another host or container,
 * for one, whose heartbeat then decides.
 */
export function isGone(identity: ProcessIdentity, observer: ProcessIdentity): boolean {
  if (identity.scope !== observer.scope) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  const stat = readProcessStat(identity.pid);
  if (stat === null) return false;
  // A killed process answers signals until its parent has asked how it ended, and an id may be used again.
  return stat.state === 'Z' || stat.state === 'X' || (identity.start !== '' && stat.start !== identity.start);
}

/** Fields 3 and 22 of /proc/<pid>/stat (see proc(5)); null where there is no such file. */
function readProcessStat(pid: number): { state: string; start: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything; what follows the last parenthesis is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return null;
  }
}
