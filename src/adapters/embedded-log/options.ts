import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

export interface EmbeddedLogOptions {
  /** The folder of `event-log.sqlite`. It is created if it is missing. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** The largest size of a record's key, value and headers together, in bytes. Default 1 MiB, as in Kafka. */
  readonly maxRecordBytes?: number;
  /** A write, such as an append or a join, fails when it has waited this long for the file's lock. Default 10,000. */
  readonly lockTimeoutMs?: number;
  /** Says in one sentence which process holds the write lock of this file, and what to do. Null if it is unknown. */
  readonly whoHolds?: (file: string) => string | null;
  /** The time between two looks for other processes' appends, if the file watch does not work. Default 10. */
  readonly pollMs?: number;
  /** The time between two checks whether the other members of a group live. Default 250. */
  readonly memberCheckMs?: number;
  /** The time between two heartbeats of a member. Default 1,000. */
  readonly heartbeatMs?: number;
  /** A member without a heartbeat for this long is expelled, and the others get its partitions. Default 5,000. */
  readonly sessionTimeoutMs?: number;
  /** A member that does not release a partition for this long after it was asked to loses it. Default 30,000. */
  readonly handOverTimeoutMs?: number;
}

/** The options with every default filled in. */
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
