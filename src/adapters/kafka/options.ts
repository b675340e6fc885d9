import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { KafkaLogin } from './cluster/login.ts';

export interface KafkaLogOptions {
  /** `host:port` of some brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the broker's own logs and quotas call this program. Default `tributary`. */
  readonly clientId?: string;
  /** TLS, with the certificate checked, if given; `{}` takes the system's authorities. */
  readonly tls?: TlsConnectionOptions;
  /** By SASL, if given. */
  readonly login?: KafkaLogin;
  /** Whether a password or a token may go to another machine without TLS. Default false. */
  readonly allowsOpenLogin?: boolean;
  /** After so long without a heartbeat a member's partitions go to the others. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Default: a fifth of the session timeout. */
  readonly heartbeatIntervalMs?: number;
  /** How long a member has to hand its partitions back when the group changes. Default 30,000. */
  readonly rebalanceTimeoutMs?: number;
  /** How often topics are looked at again, for partitions added and topics made anew. Default 30,000. */
  readonly metadataRefreshMs?: number;
  /** How long a broker holds a fetch that finds nothing new. Default 250. */
  readonly fetchMaxWaitMs?: number;
  /** The most that one fetch asks for, in bytes (a single larger batch comes all the same). Default 4 MiB. */
  readonly fetchMaxBytes?: number;
  /**
   * How long an answer may take, beyond what the request itself lets the broker wait. Then the connection is given up,
   * and the request is sent again on another one. Default 10,000.
   */
  readonly requestTimeoutMs?: number;
  /** The most that the records of one batch may come to when they are decompressed, in bytes. Default 64 MiB. */
  readonly maxRecordBatchBytes?: number;
  /** How long an append goes on trying before it rejects. Default 30,000. */
  readonly deliveryTimeoutMs?: number;
  /** The largest batch that is sent to one partition, in bytes. Default 900,000, under the broker's 1 MiB. */
  readonly produceRecordBatchBytes?: number;
  /** Copies of each partition of topics made by `createTopics`. Default: the broker's own default. */
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
