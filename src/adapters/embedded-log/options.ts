import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

export interface EmbeddedLogOptions {
  /** The folder that holds `event-log.sqlite`; made if it is missing. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Key, value and headers of one record together, in bytes. Kafka's own default is the same. */
  readonly maxRecordBytes?: number;
  /** How long an append, a join or the like tries to get the file's write lock, before it fails. */
  readonly lockTimeoutMs?: number;
  /** Which process holds the write lock of this file, and what to do, in one sentence; null if nobody knows. */
  readonly whoHolds?: (file: string) => string | null;
  /** How often a reader that waits looks for other processes' appends, should the file watch not tell. */
  readonly pollMs?: number;
  /** How often a group member looks whether the others still live. */
  readonly memberCheckMs?: number;
  /** How often a group member writes that it lives. */
  readonly heartbeatMs?: number;
  /** A member that has not written for so long is out of its group, and its partitions are other members'. */
  readonly sessionTimeoutMs?: number;
  /** A member that was asked for a partition and has not let go of it for so long loses it. */
  readonly handOverTimeoutMs?: number;
}

export type ResolvedOptions = Required<EmbeddedLogOptions>;

const silent: Logger = () => {};

export function resolveOptions(options: EmbeddedLogOptions): ResolvedOptions {
  return {
    dataDir: options.dataDir,
    clock: options.clock,
    logger: options.logger ?? silent,
    maxRecordBytes: options.maxRecordBytes ?? 1 << 20,
    lockTimeoutMs: options.lockTimeoutMs ?? 10_000,
    whoHolds: options.whoHolds ?? (() => null),
    pollMs: options.pollMs ?? 10,
    memberCheckMs: options.memberCheckMs ?? 250,
    heartbeatMs: options.heartbeatMs ?? 1_000,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 5_000,
    handOverTimeoutMs: options.handOverTimeoutMs ?? 30_000,
  };
}
