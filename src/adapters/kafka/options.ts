import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { KafkaLogin } from './cluster/login.ts';

export interface KafkaLogOptions {
  /** Some brokers, as `host:port`. They name the others. */
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The name of this program in the brokers' logs and quotas. Default `tributary`. */
  readonly clientId?: string;
  /** Connects by TLS, and checks the broker's certificate. `{}` trusts the system's authorities. Default: no TLS. */
  readonly tls?: TlsConnectionOptions;
  /** Logs in by SASL. Default: no login. */
  readonly login?: KafkaLogin;
  /** Whether a password or a token may go to another machine without TLS. Default false. */
  readonly allowsOpenLogin?: boolean;
  /** A member without a heartbeat for this long loses its partitions to the others. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** The time between two heartbeats. Default: a fifth of the session timeout. */
  readonly heartbeatIntervalMs?: number;
  /** The time that a member has to revoke its partitions when the group rebalances. Default 30,000. */
  readonly rebalanceTimeoutMs?: number;
  /** The time between two looks for topics made anew and partitions added. Default 30,000. */
  readonly metadataRefreshMs?: number;
  /** The time that a broker waits for new records before it answers a fetch. Default 250. */
  readonly fetchMaxWaitMs?: number;
  /** The most bytes that one fetch asks for. A single larger record batch is fetched all the same. Default 4 MiB. */
  readonly fetchMaxBytes?: number;
  /**
   * The time that an answer may take, besides the time that the request itself lets the broker wait. After that, the
   * request is sent again on another connection. Default 10,000.
   */
  readonly requestTimeoutMs?: number;
  /** The largest size of the decompressed records of one record batch, in bytes. Default 64 MiB. */
  readonly maxRecordBatchBytes?: number;
  /** An append rejects after trying for this long. Default 30,000. */
  readonly deliveryTimeoutMs?: number;
  /** The largest record batch that is sent, in bytes. Default 900,000, below the broker's limit of 1 MiB. */
  readonly produceRecordBatchBytes?: number;
  /** The number of copies of each partition that `createTopics` creates. Default: the broker's own default. */
  readonly replicationFactor?: number;
}

/** The options with every default filled in. */
export interface ResolvedOptions extends Required<Omit<KafkaLogOptions, 'tls' | 'login'>> {
  readonly tls: TlsConnectionOptions | undefined;
  readonly login: KafkaLogin | undefined;
}

export function resolveOptions(options: KafkaLogOptions): ResolvedOptions {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 10_000;
  return {
    brokers: options.brokers,
    clock: options.clock,
    logger: options.logger,
    tls: options.tls,
    login: options.login,
    allowsOpenLogin: options.allowsOpenLogin ?? false,
    clientId: options.clientId ?? 'tributary',
    sessionTimeoutMs,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? Math.ceil(sessionTimeoutMs / 5),
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 30_000,
    metadataRefreshMs: options.metadataRefreshMs ?? 30_000,
    fetchMaxWaitMs: options.fetchMaxWaitMs ?? 250,
    fetchMaxBytes: options.fetchMaxBytes ?? 4 * 1024 * 1024,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 30_000,
    maxRecordBatchBytes: options.maxRecordBatchBytes ?? 64 * 1024 * 1024,
    produceRecordBatchBytes: options.produceRecordBatchBytes ?? 900_000,
    replicationFactor: options.replicationFactor ?? -1,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
  };
}
