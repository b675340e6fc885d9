/**
 * The partition of a key, as Java's default partitioner chooses it: so all clients append a key to the same
 * partition. The library's own partitioner is not used: it reads a negative hash as an unsigned number, where Java
 * drops the sign, and so it chooses other partitions for half of the keys.
 *
 * Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.
 */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** The 32-bit murmur2 hash, as a signed number. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  let position = 0;
  for (; position + 4 <= length; position += 4) {
    let word =
      (bytes[position] as number) |
      ((bytes[position + 1] as number) << 8) |
      ((bytes[position + 2] as number) << 16) |
      ((bytes[position + 3] as number) << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (position < length) {
    for (let index = length - 1; index >= position; index--) {
      hash ^= (bytes[index] as number) << (8 * (index - position));
    }
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
