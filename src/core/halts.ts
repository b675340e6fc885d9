/*
 * The reason of a halt is a text for people. One decision for many halted partitions needs two things of it: the kind of
 * fault, with which it begins, and the offset behind the fault, where one is known.
 */

/** The sentence with which a reason names the first offset behind the fault. `resume --all` goes on there. */
export function goesOnAt(offset: bigint): string {
  return `Reading can go on at offset ${offset}.`;
}

/** The offset that a reason names by `goesOnAt`; null if it names none. */
export function offsetNamedBy(reason: string): bigint | null {
  const found = /Reading can go on at offset (\d{1,19})\./.exec(reason)?.[1];
  return found === undefined ? null : BigInt(found);
}

/** The kind of fault, which is the first word of a reason. */
export function kindOfHalt(reason: string): string {
  return /^[a-z_]+/.exec(reason)?.[0] ?? '';
}
