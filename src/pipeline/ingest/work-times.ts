import { DurationHistogram, type DurationTotals } from '../../core/duration-histogram.ts';

/** The time that the lanes of this instance have spent on their work since the start. */
export interface WorkStatus {
  /** Decoding of what one fetch brought of one partition. */
  readonly decode: DurationTotals;
  /** Planning and committing of one batch, with all repetitions. */
  readonly commit: DurationTotals;
}

/** Counts how long the work of the lanes takes: once for each fetch and once for each batch. */
export class WorkTimes {
  readonly decode = new DurationHistogram();
  readonly commit = new DurationHistogram();

  status(): WorkStatus {
    return { decode: this.decode.totals(), commit: this.commit.totals() };
  }
}
