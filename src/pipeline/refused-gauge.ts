import { isDefect, messageOf } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { RefusedCounts } from '../ports/quarantine.ts';
import type { Store } from '../ports/store.ts';

/** The counts are read at most once in this time. */
const READ_EVERY_MS = 10_000;
/** Counting takes at most a hundredth of the time: if it takes 1 s, it happens every 100 s. */
const READ_SHARE = 0.01;

/** The refused records and the dead deliveries in the store, and when they were counted. */
export interface RefusedStatus extends RefusedCounts {
  /** The records of all topics, for all reasons. */
  readonly quarantinedRecords: number;
  /** When they were counted, by RFC 3339. */
  readonly countedAt: string;
}

/**
 * Counts the refused records and the dead deliveries in the store. So the counts are the same on every instance, and after
 * a restart. The first count is logged.
 */
export class RefusedGauge {
  readonly #store: Pick<Store, 'refusedCounts'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #status: RefusedStatus | null = null;

  constructor(store: Pick<Store, 'refusedCounts'>, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The latest counts; null before the first count. */
  status(): RefusedStatus | null {
    return this.#status;
  }

  /** A sentence about the refused records, and one for each target with dead deliveries. */
  warnings(): string[] {
    const { quarantinedRecords = 0, deadDeliveries = [] } = this.#status ?? {};
    return [
      ...(quarantinedRecords > 0
        ? [`Quarantine holds ${quarantinedRecords} records: see order-sync quarantine.`]
        : []),
      ...deadDeliveries.map(
        ({ target, deliveries }) =>
          `${deliveries} deliveries to ${target} are dead: see order-sync dead-letters.`,
      ),
    ];
  }

  /** Counts until the signal aborts. If a count fails, the last one stays. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = this.#clock.monotonicMs();
      await this.#count();
      const tookMs = this.#clock.monotonicMs() - beganMs;
      await this.#clock.sleep(Math.max(READ_EVERY_MS, tookMs / READ_SHARE), signal);
    }
  }

  async #count(): Promise<void> {
    try {
      const counts = await this.#store.refusedCounts();
      const quarantinedRecords = counts.quarantined.reduce((sum, { records }) => sum + records, 0);
      const isFirst = this.#status === null;
      this.#status = {
        quarantinedRecords,
        ...counts,
        countedAt: new Date(this.#clock.now()).toISOString(),
      };
      if (isFirst) this.#sayWhatIsThere(this.#status);
    } catch (error) {
      if (isDefect(error)) throw error;
      // Other parts log that the store does not answer.
      this.#logger('debug', `Refused records and dead deliveries could not be counted: ${messageOf(error)}`);
    }
  }

  #sayWhatIsThere({ quarantinedRecords, quarantined, deadDeliveries }: RefusedStatus): void {
    if (quarantinedRecords > 0) {
      const kinds = quarantined
        .slice(0, 5)
        .map(({ topic, reason, records }) => `${records} of ${topic} for ${reason}`);
      const more = quarantined.length > 5 ? ` and ${quarantined.length - 5} more kinds` : '';
      this.#logger(
        'warn',
        `Quarantine holds ${quarantinedRecords} records from before this start: ${kinds.join(', ')}${more}. ` +
          'List them with "order-sync quarantine"; docs/quarantine.md has a remedy for each reason.',
        { records: quarantinedRecords },
      );
    }
    for (const { target, deliveries } of deadDeliveries)
      this.#logger(
        'warn',
        `${deliveries} deliveries to ${target} are dead since before this start and are not tried again by themselves. ` +
          'List them with "order-sync dead-letters", make them due with "order-sync redrive".',
        { deliveries, target },
      );
  }
}
