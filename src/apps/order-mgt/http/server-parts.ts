import type { SigningKey } from '../../../core/webhook-signature.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { HealthParts } from '../../shared/http/health.ts';
import type { HostGuardOptions } from '../../shared/http/host-guard.ts';
import type { MetricsParts, ProblemCounts } from '../../shared/http/metrics.ts';
import type { ChangeStream } from '../change-stream.ts';
import type { GroupCommit } from '../group-commit.ts';
import type { OrderStates } from '../states.ts';
import type { Waiters } from '../waiters.ts';

/** What the routes of the HTTP API work with. */
export interface ServerParts extends HealthParts, MetricsParts {
  /** Counts the requests that are answered with a problem. */
  readonly problems: ProblemCounts;
  readonly states: OrderStates;
  readonly groupCommit: GroupCommit;
  readonly waiters: Waiters;
  readonly stream: ChangeStream;
  /** The most states of one delivery batch. 0 takes no delivery batches. */
  readonly deliveryBatchMax: number;
  /** A delivery has to be signed by one of these keys. Without keys unsigned deliveries are taken. */
  readonly keys: readonly SigningKey[];
  /** The names that the server is called by, where something is open to everybody on this machine. */
  readonly guard: Omit<HostGuardOptions, 'isOpen'>;
  readonly now: () => number;
  readonly logger: Logger;
}
