import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies a process, so that other processes can find out whether it still lives. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The host and, with containers, the namespace in which the process id is valid. */
  readonly scope: string;
  /** The start time of the process, in the system's own unit. Empty where the system does not tell it. */
  readonly start: string;
}

export function ownIdentity(): ProcessIdentity {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has namespaces. Elsewhere the scope is the host name.
  }
  return {
    pid: process.pid,
    scope: `${hostname()} ${namespace}`,
    start: readProcessStat(process.pid)?.start ?? '',
  };
}

/**
 * Whether the process is certainly gone. False if the observer cannot tell, for instance about a process of another
 * host or container: then its heartbeat decides.
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
  // A killed process takes signals until its parent has read its exit status, and its id may be used again.
  return stat.state === 'Z' || stat.state === 'X' || (identity.start !== '' && stat.start !== identity.start);
}

/** Fields 3 and 22 of /proc/<pid>/stat (see proc(5)). Null where there is no such file. */
function readProcessStat(pid: number): { state: string; start: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name stands in parentheses and may contain any character. The fields after the last parenthesis are
    // regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return null;
  }
}
