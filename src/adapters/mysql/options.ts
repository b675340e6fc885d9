import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StoreTime } from './store-time.ts';

export interface ServerAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How TLS to the server is spoken: version 1.2 or newer, and never plain text instead. */
export interface ServerTls {
  /** What has to be right of its certificate: the name and the authority, the authority alone, or nothing. */
  readonly check: 'name' | 'authority' | 'nothing';
  /** PEM texts. Without authorities, the system's are trusted. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name in the certificate, if it is not the host. */
  readonly serverName?: string;
  readonly onlyTls13?: boolean;
}

export interface MysqlStoreOptions {
  /** The database must exist. */
  readonly address: ServerAddress;
  /** Null: plain text. */
  readonly tls: ServerTls | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** The names of the targets that every due state is owed to. */
  readonly targets: readonly string[];
  /** How many connections may be open at once: one for each lane that commits, and some for the rest. */
  readonly connections?: number;
  /** The largest record that is kept whole; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** What leases and retries are reckoned by; the server's clock, if it is left out. Tests move time by it. */
  readonly time?: StoreTime | undefined;
}
