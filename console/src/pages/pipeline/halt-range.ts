/** What a decision about a halted partition leaves out. Offsets are texts, because they may be larger than a number holds. */
export interface HaltedPlace {
  readonly nextOffset: string | null;
  readonly logStartOffset: string | null;
  readonly logEndOffset: string | null;
}

/** The records that nobody can read any more, because the log starts behind them; null if there are none. */
export function missingRange({
  nextOffset,
  logStartOffset,
}: HaltedPlace): readonly [from: bigint, to: bigint] | null {
  if (nextOffset === null || logStartOffset === null) return null;
  const [next, start] = [BigInt(nextOffset), BigInt(logStartOffset)];
  return start > next ? [next, start - 1n] : null;
}

/** Why the partition cannot go on at this offset, in words for the field; null if it can. */
export function faultOfOffset(text: string, { logStartOffset, logEndOffset }: HaltedPlace): string | null {
  if (!/^\d{1,19}$/.test(text)) return 'Give an offset: a whole number.';
  const offset = BigInt(text);
  if (logStartOffset !== null && offset < BigInt(logStartOffset))
    return `The log starts at ${logStartOffset}.`;
  if (logEndOffset !== null && offset > BigInt(logEndOffset)) return `The log ends at ${logEndOffset}.`;
  return null;
}

/** What going on at this offset means, in a sentence. */
export function meaningOf(offset: string, { nextOffset }: HaltedPlace): string {
  if (nextOffset === null) return `It begins at offset ${offset}.`;
  const [next, at] = [BigInt(nextOffset), BigInt(offset)];
  if (at > next)
    return at - next === 1n
      ? `It leaves out the record at offset ${next}, for ever.`
      : `It leaves out the ${at - next} records at the offsets ${next} to ${at - 1n}, for ever.`;
  if (at < next)
    return `It reads ${next - at} offsets again. Events that are journaled already are duplicates, and change nothing.`;
  return `It tries offset ${at} again, and leaves nothing out.`;
}

/** A range of offsets: its first and its last one. */
export function rangeText([first, last]: readonly [bigint, bigint]): string {
  return first === last ? String(first) : `${first} to ${last}`;
}
