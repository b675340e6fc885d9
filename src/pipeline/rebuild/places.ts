import type { JsonObject } from '../../ports/jobs.ts';
import type { FoldedEntity } from './folder.ts';
import type { ReportCounts } from './report.ts';

/** Where a rebuild goes on. Each is kept as JSON by the job. */
export type RebuildPlace =
  | { readonly phase: 'walk'; readonly after: string | null; readonly counts: WalkCounts }
  | {
      readonly phase: 'catch_up';
      readonly pass: number;
      readonly after: string | null;
      readonly found: number;
      readonly counts: WalkCounts;
    }
  | {
      readonly phase: 'compare';
      readonly after: string | null;
      readonly report: ReportCounts;
      readonly counts: WalkCounts;
    }
  | { readonly phase: 'switch'; readonly counts: WalkCounts }
  | {
      readonly phase: 'settle';
      readonly after: string | null;
      readonly due: number;
      readonly pauseMs: number | null;
    }
  | { readonly phase: 'end'; readonly due: number; readonly pauseMs: number | null };

/** What the walk through the journal has met. */
export interface WalkCounts {
  readonly entities: number;
  readonly unfoldable: number;
  readonly unfoldableSamples: readonly { readonly id: string; readonly detail: string }[];
}

export interface RebuildStep {
  /** Null at the end. */
  readonly place: RebuildPlace | null;
  readonly progress: JsonObject;
}

export const NO_COUNTS: WalkCounts = { entities: 0, unfoldable: 0, unfoldableSamples: [] };
/** The place at which the building of a rebuild begins that the record knows. */
export const WALK_BEGIN: RebuildPlace = { phase: 'walk', after: null, counts: NO_COUNTS };
const SAMPLES_MAX = 10;

/** The step that leads to this place. */
export function stepOf(place: RebuildPlace): RebuildStep {
  switch (place.phase) {
    case 'walk':
      return { place, progress: { phase: 'folding', entities: place.counts.entities } };
    case 'catch_up':
      return {
        place,
        progress: {
          phase: 'catching up',
          entities: place.counts.entities,
          pass: place.pass,
          outdated: place.found,
        },
      };
    case 'compare':
      return {
        place,
        progress: {
          phase: 'comparing',
          entities: place.counts.entities,
          compared: place.report.equal + place.report.different,
        },
      };
    case 'switch':
      return { place, progress: { phase: 'switching' } };
    case 'settle':
      return { place, progress: { phase: 'settling', due: place.due, pauseMs: place.pauseMs } };
    case 'end':
      return { place, progress: { phase: 'ending', due: place.due, pauseMs: place.pauseMs } };
  }
}

/** The end of a rebuild that is no longer under way. */
export function gone(): RebuildStep {
  return { place: null, progress: { phase: 'gone' } };
}

export function withCounts(counts: WalkCounts, folded: readonly FoldedEntity[]): WalkCounts {
  const faults = folded.flatMap(({ entityId, fault }) =>
    fault === null ? [] : [{ id: entityId, detail: fault.detail }],
  );
  return {
    entities: counts.entities + folded.length,
    unfoldable: counts.unfoldable + faults.length,
    unfoldableSamples: [...counts.unfoldableSamples, ...faults].slice(0, SAMPLES_MAX),
  };
}
