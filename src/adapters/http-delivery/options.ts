import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Tracing } from '../../ports/tracing.ts';

/** The names of one target's settings, as a person finds them. */
export interface SettingNames {
  readonly url: string;
  readonly secret: string;
  /** Names the file of the authorities that sign the target's certificate. */
  readonly caFile: string;
}

export interface HttpTargetOptions {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** States are posted to this URL. Its user and password are sent as Basic authorization, and never shown. */
  readonly url: string;
  /**
   * `whsec_` secrets. Each of them signs every request, so that the owner of the target can replace one secret by another
   * while both are valid. Without secrets, requests are not signed.
   */
  readonly secrets: readonly string[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
  /** The time for one request: for the wait for a connection, the connection, the request and the answer together. */
  readonly deadlineMs?: number;
  /** The most connections. Further requests wait for a connection, and their deadline runs meanwhile. */
  readonly connections?: number;
  /** Messages use these names for the settings that a person should look at. */
  readonly settingNames?: SettingNames;
  /** PEM file of the authorities that sign the target's certificate; without it, those of the system count. */
  readonly caFile?: string;
  /** Records a span for each request. Default: nobody records any. */
  readonly tracing?: Tracing;
}
