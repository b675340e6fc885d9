import type { Decoder } from '../../../pipeline/decode/decoder.ts';
import type { SyncStatus } from '../../../pipeline/sync.ts';
import type { AuditLog } from '../../../ports/audit.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Jobs } from '../../../ports/jobs.ts';
import type { DeliveryInspection } from '../../../ports/ledger.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Quarantine } from '../../../ports/quarantine.ts';
import type { HealthParts } from '../../shared/http/health.ts';
import type { HostGuardOptions } from '../../shared/http/host-guard.ts';

/** What the routes of the HTTP API work with. */
export interface ServerParts extends HealthParts {
  readonly store: DeliveryInspection & Jobs & AuditLog & Quarantine;
  /** Judges quarantined records as this program judges new ones. */
  readonly decoder: Decoder<unknown>;
  readonly clock: Clock;
  /** Called after a job was created, so that the worker looks for it. */
  readonly onJob: () => void;
  /** The names of the targets that can be asked which states they hold. */
  readonly targetsThatTell: readonly string[];
  readonly status: () => SyncStatus;
  /** The names that the server is called by, where it is open to everybody on this machine. */
  readonly guard: Omit<HostGuardOptions, 'isOpen'>;
  readonly logger: Logger;
}
