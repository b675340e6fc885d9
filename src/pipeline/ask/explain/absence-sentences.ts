import { kindOfHalt, offsetNamedBy } from '../../../core/halts.ts';
import { partitionName } from '../../../core/offset.ts';
import { quoted } from '../../../core/text.ts';
import type { Decision } from '../../../ports/audit.ts';
import { type HoldPart, partName } from '../../../ports/holds.ts';
import { type Absence, type HaltedPartition, type LeftOut, type Pause, REFUSED_SHOWN } from './absence.ts';
import { ANSWER_CHARACTERS, momentWords } from './words.ts';

interface Facts extends Absence {
  readonly noun: string;
  /** What the entity waits for; null if it waits for nothing, or has no event. */
  readonly whyNot: { readonly waitsFor: string | null } | null;
  readonly nowMs: number;
}

/** The most partitions, and decisions about them, that get a sentence of their own. */
const SENTENCES_MAX = 5;

/** Says why events of the entity may be missing, each time with the command that goes on. */
export function absenceSentences(facts: Facts): string[] {
  const { halts, pauses, leftOut, refused } = facts;
  return [
    ...(refused.records.length > 0 ? [refusedSentence(facts)] : []),
    ...halts.slice(0, SENTENCES_MAX).map((halt) => haltSentence(halt, facts)),
    ...more(halts.length, 'partitions are halted', 'order-sync partitions'),
    ...pauses.slice(0, SENTENCES_MAX).map((pause) => pauseSentence(pause, facts)),
    ...more(pauses.length, 'parts are on hold', 'order-sync holds'),
    ...leftOut.slice(0, SENTENCES_MAX).map((left) => leftOutSentence(left, facts)),
    ...more(leftOut.length, 'decisions left out offsets', 'order-sync audit'),
  ];
}

/** Says of an unknown entity that no record with its id was refused, and among how many that was looked for. */
export function noneRefused({ refused: { isMore, lookMax } }: Pick<Absence, 'refused'>): string {
  return isMore
    ? `No refused record has its id as the key, among the first ${lookMax} of each topic: see order-sync quarantine for the others.`
    : 'No refused record has its id as the key.';
}

function more(count: number, what: string, command: string): string[] {
  return count > SENTENCES_MAX ? [`${count - SENTENCES_MAX} more ${what}: see ${command}.`] : [];
}

function refusedSentence({ noun, refused: { records } }: Facts): string {
  const shown = records.slice(0, REFUSED_SHOWN).map((record) => `${partitionName(record)}/${record.offset}`);
  const [first = ''] = shown;
  const names = records
    .slice(0, REFUSED_SHOWN)
    .map(({ reason }, index) => `${shown[index]} (${reason})`)
    .join(', ');
  const count = records.length > REFUSED_SHOWN ? `More than ${REFUSED_SHOWN}` : String(records.length);
  const have = records.length === 1 ? 'refused record has' : 'refused records have';
  return `${count} ${have} the id of this ${noun} as the key: ${names}. See order-sync quarantine show ${first}.`;
}

function haltSentence(halt: HaltedPartition, facts: Facts): string {
  const { nextOffset, haltReason, startOffset } = halt;
  const name = partitionName(halt);
  const goesOnAt = offsetNamedBy(haltReason);
  const isLost = startOffset !== null && startOffset > nextOffset;
  const start = isLost ? `; the log starts at ${startOffset}` : '';
  return (
    `${name} is halted at offset ${nextOffset} (${kindOfHalt(haltReason)})${start}: ${mayWait(halt.waiting, facts)}. ` +
    `Run order-sync resume ${name} --at ${goesOnAt ?? 'earliest'} --reason "..." to let it go on; ` +
    'order-sync partitions shows what it would leave out.'
  );
}

function pauseSentence({ hold: { part, ...hold }, waiting }: Pause, facts: Facts): string {
  const name = partName(part);
  const decision = { decidedBy: hold.heldBy, reason: hold.reason };
  const meaning = part.kind === 'target' ? 'nothing is sent to it' : mayWait(waiting, facts);
  return (
    `${name.charAt(0).toUpperCase()}${name.slice(1)} is on hold since ${momentWords(hold.heldAtMs, facts.nowMs)} ` +
    `${byWords(decision)}: ${meaning}. Run order-sync unpause${flagsOf(part)} --reason "..." to let it go on.`
  );
}

function flagsOf(part: HoldPart): string {
  switch (part.kind) {
    case 'ingest':
      return '';
    case 'topic':
      return ` --topic ${part.topic}`;
    case 'partition':
      return ` --topic ${part.topic} --partition ${part.partition}`;
    case 'target':
      return ` --target ${part.target}`;
  }
}

function leftOutSentence(left: LeftOut, { noun, whyNot, nowMs }: Facts): string {
  const last = left.toOffset - 1n;
  const offsets = last === left.fromOffset ? `Offset ${last}` : `Offsets ${left.fromOffset} to ${last}`;
  const verb = last === left.fromOffset ? 'was' : 'were';
  const event = (whyNot?.waitsFor ?? null) === null ? `events of this ${noun}` : 'the event that is missing';
  const among = last === left.fromOffset ? 'may have been there' : 'may have been among them';
  return (
    `${offsets} of ${partitionName(left)} ${verb} left out at ${momentWords(left.decidedAtMs, nowMs)} ` +
    `${byWords(left)}: ${event} ${among}.`
  );
}

function mayWait(waiting: number | null, { noun }: Facts): string {
  if (waiting === 0) return 'no record waits there';
  const records =
    waiting === null
      ? 'the records that wait'
      : waiting === 1
        ? 'the record that waits'
        : `the ${waiting} records that wait`;
  return `events of this ${noun} may be among ${records} there`;
}

function byWords({ decidedBy, reason }: Pick<Decision, 'decidedBy' | 'reason'>): string {
  return `by ${quoted(decidedBy)} (${quoted(reason, ANSWER_CHARACTERS)})`;
}
