import type { StatusReport } from '../../../pipeline/status/report.ts';
import type { SyncStatus } from '../../../pipeline/sync.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliveryInspection } from '../../../ports/ledger.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { RedriveJobs } from '../../../ports/redrive-jobs.ts';
import type { HealthParts } from '../../shared/http/health.ts';
import type { HostGuardOptions } from '../../shared/http/host-guard.ts';
import type { MetricsParts, ProblemCounts } from '../../shared/http/metrics.ts';

/** What the routes of the HTTP API work with. */
export interface ServerParts extends HealthParts, MetricsParts {
  /** Counts the requests that are answered with a problem. */
  readonly problems: ProblemCounts;
  readonly store: DeliveryInspection & RedriveJobs;
  readonly clock: Clock;
  /** Called after a job was created, so that the worker looks for it. */
  readonly onJob: () => void;
  readonly status: () => SyncStatus;
  /** The answer to "is it healthy, and how far behind?", of log, store and this instance. */
  readonly report: () => Promise<StatusReport>;
  /** The names that the server is called by, where it is open to everybody on this machine. */
  readonly guard: Omit<HostGuardOptions, 'isOpen'>;
  readonly logger: Logger;
}
