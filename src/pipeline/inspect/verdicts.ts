import type { Decoder } from '../decode/decoder.ts';
import type { SampledRecord } from './sample.ts';

/** How a decoder judges a sample. */
export interface Verdicts {
  readonly accepted: number;
  /** The number of accepted events by their type. */
  readonly types: ReadonlyMap<string, number>;
  /** The number of accepted events whose time is one of our days. */
  readonly timely: number;
  /** What is refused, and why, the most frequent first. */
  readonly refused: readonly Refused[];
}

export interface Refused {
  readonly reason: string;
  readonly detail: string;
  readonly count: number;
  /** The place of the first such record. */
  readonly example: { readonly partition: number; readonly offset: bigint };
}

/** 1990-01-01: an earlier time is mostly a number that was read in another unit. */
const TIMELY_FROM_MS = 631_152_000_000;

/** Judges every record of the sample. */
export function judge(
  decoder: Pick<Decoder<unknown>, 'decode'>,
  records: readonly SampledRecord[],
): Verdicts {
  const types = new Map<string, number>();
  const refused = new Map<string, Refused>();
  let timely = 0;
  for (const { record, place } of records) {
    const decoded = decoder.decode(record, place, 0);
    if (decoded.kind === 'event') {
      const { eventType, occurredAtMs } = decoded.event;
      types.set(eventType, (types.get(eventType) ?? 0) + 1);
      if (occurredAtMs >= TIMELY_FROM_MS) timely++;
      continue;
    }
    const { reason, detail, partition, offset } = decoded.record;
    const known = refused.get(`${reason}: ${detail}`);
    const example = known?.example ?? { partition, offset };
    refused.set(`${reason}: ${detail}`, { reason, detail, count: (known?.count ?? 0) + 1, example });
  }
  return {
    accepted: [...types.values()].reduce((sum, count) => sum + count, 0),
    types,
    timely,
    refused: [...refused.values()].sort((a, b) => b.count - a.count),
  };
}
