import type { Decoder } from '../../../pipeline/decode/decoder.ts';
import type { StatusReport } from '../../../pipeline/status/report.ts';
import type { SeriesPoint } from '../../../pipeline/status/series.ts';
import type { SyncStatus } from '../../../pipeline/sync.ts';
import type { AuditLog } from '../../../ports/audit.ts';
import type { Checkpoints } from '../../../ports/checkpoints.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import type { Holds } from '../../../ports/holds.ts';
import type { Jobs } from '../../../ports/jobs.ts';
import type { DeliveryInspection } from '../../../ports/ledger.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Quarantine } from '../../../ports/quarantine.ts';
import type { Store } from '../../../ports/store.ts';
import type { HealthParts } from '../../shared/http/health.ts';
import type { HostGuardOptions } from '../../shared/http/host-guard.ts';
import type { MetricsParts, ProblemCounts } from '../../shared/http/metrics.ts';
import type { SettingEntry } from '../../shared/settings/load.ts';
import type { Synced } from '../../shared/settings/synced.ts';
import type { OrderAskParts } from '../ask-parts.ts';
import type { ConsoleSource } from '../console/console-pages.ts';
import type { KnownEventType } from '../event-types.ts';
import type { Trial } from '../trial.ts';

/** What the routes of the HTTP API work with. */
export interface ServerParts extends HealthParts, MetricsParts {
  readonly synced: Synced;
  /** Counts the requests that are answered with a problem. */
  readonly problems: ProblemCounts;
  /** Judges quarantined records as this program judges new ones. */
  readonly decoder: Decoder<unknown>;
  readonly store: DeliveryInspection & Jobs & AuditLog & Quarantine & Checkpoints & Holds;
  readonly log: Pick<EventLog, 'describe' | 'partitionCounts' | 'peek' | 'readRecords'>;
  /** The actual names of the topics that are read. */
  readonly topics: readonly string[];
  /** The names of all targets. */
  readonly targets: readonly string[];
  readonly clock: Clock;
  /** The store with its view; null until it is migrated. */
  readonly migrated: () => Store | null;
  /** What questions about orders are answered from; null until the store is migrated. */
  readonly ask: () => OrderAskParts | null;
  /** Called after a job was created, so that the worker looks for it. */
  readonly onJob: () => void;
  /** The names of the targets that can be asked which states they hold. */
  readonly targetsThatTell: readonly string[];
  /** Called after a part was paused or unpaused. Resolves once this instance knows it. */
  readonly onHolds: () => Promise<void>;
  readonly status: () => SyncStatus;
  /** The answer to "is it healthy, and how far behind?", of log, store and this instance. */
  readonly report: () => Promise<StatusReport>;
  /** The names that the server is called by, where it is open to everybody on this machine. */
  readonly guard: Omit<HostGuardOptions, 'isOpen'>;
  readonly logger: Logger;
  /** The consumer group. */
  readonly group: string;
  /** The types of the domain's events. */
  readonly eventTypes: readonly KnownEventType[];
  /** Publishes events to try things out; null if that is off. */
  readonly trial: Pick<Trial, 'publish'> | null;
  /** The last hour of this instance, the oldest step first. */
  readonly series: () => readonly SeriesPoint[];
  /** The settings that this instance runs with, secrets masked. */
  readonly settingEntries: readonly SettingEntry[];
  /** The files of the console. */
  readonly console: ConsoleSource;
}
