import type { Absence, HaltedPartition, LeftOut } from '../../pipeline/ask/explain/absence.ts';
import { holdJson } from './hold-parts.ts';

/** Why events of an order may be missing, as the HTTP API and the commands show it. Offsets are texts. */
export function absenceJson({ halts, pauses, leftOut, refused }: Absence): object {
  return {
    holds: pauses.map(({ hold }) => holdJson(hold)),
    halts: halts.map(haltJson),
    leftOut: leftOut.map(leftOutJson),
    refusedRecords: refused.records.map(({ topic, partition, offset, reason }) => ({
      topic,
      partition,
      offset: String(offset),
      reason,
    })),
  };
}

function haltJson({ topic, partition, nextOffset, haltReason, waiting }: HaltedPartition): object {
  return { topic, partition, nextOffset: String(nextOffset), haltReason, waitingRecords: waiting };
}

function leftOutJson({ topic, partition, fromOffset, toOffset, ...decision }: LeftOut): object {
  const { decidedBy, reason, decidedAtMs } = decision;
  return {
    topic,
    partition,
    fromOffset: String(fromOffset),
    lastOffset: String(toOffset - 1n),
    decidedBy,
    reason,
    decidedAt: new Date(decidedAtMs).toISOString(),
  };
}
