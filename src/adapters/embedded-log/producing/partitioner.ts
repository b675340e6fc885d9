/**
 * The 32-bit murmur2 hash with the seed of Kafka's Java client, as a signed number.
 * Source: Austin Appleby's MurmurHash2, and `org.apache.kafka.common.utils.Utils.murmur2` with the same results.
 */
export function murmur2(bytes: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  const length = bytes.length;
  let hash = 0x9747b28c ^ length;
  const tail = length & ~3;
  for (let i = 0; i < tail; i += 4) {
    let word = at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = length - tail;
  if (rest > 0) {
    if (rest === 3) hash ^= at(bytes, tail + 2) << 16;
    if (rest >= 2) hash ^= at(bytes, tail + 1) << 8;
    hash = Math.imul(hash ^ at(bytes, tail), multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/**
 * The partition of a key, as Kafka's default partitioner chooses it: the hash without its sign bit, modulo the count.
 */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}
