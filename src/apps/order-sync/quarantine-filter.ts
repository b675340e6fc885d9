import { parseRfc3339 } from '../../core/time.ts';
import { QUARANTINE_REASONS } from '../../pipeline/decode/reasons.ts';
import type { QuarantineFilter } from '../../ports/quarantine.ts';
import { suggest } from '../shared/cli/suggest.ts';

/** The parts of a filter of quarantined records, by the names of the HTTP API's parameters. Each is given as a text. */
export const QUARANTINE_FILTER_NAMES = [
  'topic',
  'reason',
  'partition',
  'fromOffset',
  'beforeOffset',
  'since',
  'before',
] as const;
export type QuarantineFilterName = (typeof QUARANTINE_FILTER_NAMES)[number];

/** A fault in one part of a filter. The message follows the name of the part. */
export class QuarantineFilterFault extends Error {
  readonly part: QuarantineFilterName;
  constructor(part: QuarantineFilterName, detail: string) {
    super(detail);
    this.part = part;
  }
}

/** Reads a filter from texts. Throws a QuarantineFilterFault. */
export function quarantineFilterOf(
  given: Partial<Readonly<Record<QuarantineFilterName, string | undefined>>>,
): QuarantineFilter {
  return {
    topic: textOf('topic', given.topic),
    reason: reasonOf(given.reason),
    partition: partitionOf(given.partition),
    fromOffset: offsetOf('fromOffset', given.fromOffset),
    beforeOffset: offsetOf('beforeOffset', given.beforeOffset),
    sinceMs: momentOf('since', given.since),
    beforeMs: momentOf('before', given.before),
  };
}

export function isEmptyQuarantineFilter(filter: QuarantineFilter): boolean {
  return Object.values(filter).every((part) => part === undefined);
}

/** The filter of one record, by a name as in `order_events/3/1204`; null for any other text. */
export function recordFilterOf(
  name: string,
): Required<Pick<QuarantineFilter, 'topic' | 'partition' | 'fromOffset' | 'beforeOffset'>> | null {
  const [, topic, partition, offset] = /^([\w.-]{1,249})\/(\d{1,9})\/(\d{1,18})$/.exec(name) ?? [];
  if (topic === undefined || offset === undefined) return null;
  return {
    topic,
    partition: Number(partition),
    fromOffset: BigInt(offset),
    beforeOffset: BigInt(offset) + 1n,
  };
}

function textOf(part: QuarantineFilterName, text: string | undefined): string | undefined {
  if (text === undefined || /^[\w.-]{1,249}$/.test(text)) return text;
  throw new QuarantineFilterFault(part, 'is the name of a topic, as in order_events');
}

function reasonOf(text: string | undefined): string | undefined {
  if (text === undefined || QUARANTINE_REASONS.some((known) => known === text)) return text;
  const nearest = suggest(text, QUARANTINE_REASONS);
  throw new QuarantineFilterFault(
    'reason',
    `is no reason: ${nearest === null ? 'docs/quarantine.md has them all' : `did you mean ${nearest}?`}`,
  );
}

function partitionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new QuarantineFilterFault('partition', 'is the number of a partition, as in 3');
  return Number(text);
}

function offsetOf(part: QuarantineFilterName, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,18}$/.test(text)) throw new QuarantineFilterFault(part, 'is an offset, as in 1204');
  return BigInt(text);
}

function momentOf(part: QuarantineFilterName, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseRfc3339(text);
  if (ms === null)
    throw new QuarantineFilterFault(part, 'is a moment of RFC 3339, as in 2026-11-22T10:00:00Z');
  return ms;
}
