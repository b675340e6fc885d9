import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../core/domain.ts';
import { foldsWithoutChanging } from './fold-laws.ts';
import { copied } from './frozen.ts';
import type { Finding } from './mistakes.ts';
import type { Sample, Subject } from './subject.ts';
import { decimalVariantsOf, variantsOf } from './variants.ts';
import { showsTheState } from './view-laws.ts';

/** What a check of bodies that differ from the samples found, with the events that show it. */
export interface VariantFinding {
  readonly finding: Finding;
  readonly samples: readonly Sample[];
}

/** Tries events that differ from a sample in one field and are valid too: they happen although nobody gave a sample. */
export function tryVariants(subject: Subject, samples: readonly Sample[]): VariantFinding | null {
  const states = [subject.domain.initialState, subject.stateOf(samples)];
  for (const [index, sample] of samples.entries()) {
    for (const { body, field } of variantsOf(subject, sample.body)) {
      const variant = decodeValid(subject, body);
      if (variant === null) continue;
      if ('finding' in variant) return variant;
      const merged = mergedBy(subject, field, [sample, variant], states);
      if (merged !== null) return { finding: merged, samples: [sample, variant] };
      for (const history of [[variant], [...samples.slice(0, index), variant]]) {
        const finding = foldsWithoutChanging(subject, history) ?? showsTheState(subject, history);
        if (finding !== null) return { finding, samples: history };
      }
    }
    const digits = tryDecimals(subject, sample.body);
    if (digits !== null) return digits;
  }
  return null;
}

function decodeValid(subject: Subject, body: JsonObject): Sample | VariantFinding | null {
  const decoded = subject.decode(body);
  if (decoded.kind === 'event') return { body, event: decoded.event };
  const { reason, detail } = decoded.record;
  if (reason !== 'event_not_understood') return null;
  const what = `The domain cannot read ${JSON.stringify(body)}, which its schema allows. ${detail}`;
  return { finding: { mistake: 'to_event_throws', what }, samples: [] };
}

/** Two events are one for the engine if they have the same id. So a field that changes the fold has to change the id. */
function mergedBy(
  subject: Subject,
  field: string,
  [left, right]: readonly [Sample, Sample],
  states: readonly unknown[],
): Finding | null {
  if (left.body.eventId !== undefined || left.event.eventId !== right.event.eventId) return null;
  const isSamePlace =
    left.event.position === right.event.position &&
    left.event.occurredAtMs === right.event.occurredAtMs &&
    left.event.cautionRank === right.event.cautionRank;
  const isSameFold = states.every((state) =>
    isDeepStrictEqual(foldedOn(subject, state, left), foldedOn(subject, state, right)),
  );
  if (isSamePlace && isSameFold) return null;
  return {
    mistake: 'meaningful_field_missing',
    what: `Two ${left.event.eventType} that differ in "${field}" have the same id, so they count as one event told in two ways.`,
  };
}

/** The state after one more event. Undefined if the fold throws, which another law reports. */
function foldedOn({ domain }: Subject, state: unknown, { event }: Sample): unknown {
  try {
    return domain.evolve(copied(state), copied(event.event));
  } catch {
    return undefined;
  }
}

function tryDecimals(subject: Subject, body: JsonObject): VariantFinding | null {
  for (const variants of decimalVariantsOf(subject, body)) {
    const samples = variants.flatMap((variant) => subject.sampleOf(variant.body) ?? []);
    if (samples.length < variants.length) continue;
    const row = rowOrNull(subject, samples);
    if (row === null) continue;
    const [only] = variants;
    const exact = variants.length === 1 && only !== undefined ? String(only.body[only.field]) : null;
    const rounded = row.find((value) => exact !== null && isRounded(value, exact));
    if (rounded !== undefined)
      return {
        finding: {
          mistake: 'digits_lost',
          what: `The event says ${exact}, and the row ${JSON.stringify(row)} shows ${JSON.stringify(rounded)}.`,
        },
        samples,
      };
    for (let count = 1; count <= samples.length; count++) {
      const history = samples.slice(0, count);
      const finding = showsTheState(subject, history);
      if (finding?.mistake === 'digits_lost') return { finding, samples: history };
    }
  }
  return null;
}

function rowOrNull(subject: Subject, samples: readonly Sample[]) {
  try {
    return subject.shown(subject.stateOf(samples)).row;
  } catch {
    // The domain may refuse so large a number.
    return null;
  }
}

/** Whether the value is the text's number as a double, and not the text's number itself. */
function isRounded(value: unknown, exact: string): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  if (!/^-?\d+(\.\d+)?(e\+\d+)?$/.test(text) || Number(text) !== Number(exact)) return false;
  return trimmed(text) !== trimmed(exact);
}

/** The digits without zeros that change nothing. */
function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
