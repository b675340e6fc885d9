import type { Clock } from '../../ports/clock.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import type { Logger } from '../../ports/logger.ts';

/** How a person finds the settings of one target. */
export interface SettingNames {
  readonly url: string;
  readonly secret: string;
}

export interface HttpTargetOptions {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** Where states are posted. User and password in it are sent as Basic authorization, and never shown. */
  readonly url: string;
  /**
   * `whsec_` secrets; all of them sign, the first one first, so that the target's owner can replace one while
   * both hold. None: requests are not signed.
   */
  readonly secrets: readonly string[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
  /** For one request in all: waiting for a connection, connecting, sending, and reading the answer. */
  readonly deadlineMs?: number;
  /** How many connections are kept; more deliveries at once wait for one, and their deadline runs. */
  readonly connections?: number;
  /** What messages call the settings that a person should look at. */
  readonly settingNames?: SettingNames;
  /** PEM file of the authorities that sign the target's certificate, if not the system's. */
  readonly caFile?: string;
  /** The value of the header `traceparent` of one request with these states; a fresh one if it is left out. */
  readonly traceparentOf?: (deliveries: readonly Delivery[]) => string;
}
