/** So much of an answer is kept in the ledger, in bytes. */
export const ANSWER_KEPT_BYTES = 1_024;

/**
 * The first bytes of an answer as one line of text that is safe in a database, a log and a terminal. Whoever
 * answers is not trusted: control characters, line ends and marks that turn the direction of writing become
 * blanks, bytes that are no UTF-8 become U+FFFD.
 */
export function answerText(bytes: Buffer): string {
  const isCut = bytes.length > ANSWER_KEPT_BYTES;
  const kept = isCut ? bytes.subarray(0, endOfCharacter(bytes, ANSWER_KEPT_BYTES)) : bytes;
  return (
    kept
      .toString('utf8')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through.
      .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, ' ')
      .trim()
  );
}

/** Which delivery an answer names. */
export type Answered = 'this' | 'another' | 'unknown';

/**
 * By the field `delivery_id` of a JSON object, which nobody has to answer with; another system may have such a field
 * with a meaning of its own, so only ids of ours count.
 */
export function answeredDelivery(answer: string, deliveryId: string): Answered {
  // As order-mgt writes it; only others are taken apart.
  if (answer.includes(`"delivery_id":"${deliveryId}"`)) return 'this';
  if (!answer.includes('delivery_id')) return 'unknown';
  const named = deliveryIdIn(answer);
  if (typeof named !== 'string' || !named.startsWith('msg_')) return 'unknown';
  return named === deliveryId ? 'this' : 'another';
}

function deliveryIdIn(answer: string): unknown {
  try {
    return (JSON.parse(answer) as { delivery_id?: unknown } | null)?.delivery_id;
  } catch {
    return undefined;
  }
}

/** The largest end up to `limit` that does not cut a character of UTF-8 in two. */
function endOfCharacter(bytes: Uint8Array, limit: number): number {
  let end = limit;
  while (end > limit - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}
