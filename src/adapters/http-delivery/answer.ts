/** The ledger keeps this many bytes of an answer. */
export const ANSWER_KEPT_BYTES = 1_024;

/** Printable ASCII without a blank at its beginning or end. */
const PLAIN_LINE = /^[!-~](?:[ -~]*[!-~])?$/;

/**
 * Returns the first bytes of an answer as one line of text that is safe in a database, a log line and a terminal. The
 * target is not trusted: control characters, line ends and marks that change the direction of writing become blanks, and
 * bytes that are not UTF-8 become U+FFFD.
 */
export function answerText(bytes: Buffer): string {
  const isCut = bytes.length > ANSWER_KEPT_BYTES;
  const kept = isCut ? bytes.subarray(0, endOfCharacter(bytes, ANSWER_KEPT_BYTES)) : bytes;
  const text = kept.toString('utf8');
  // Mostly an answer is a line of JSON in printable ASCII, which is safe as it is.
  if (PLAIN_LINE.test(text)) return text;
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are the ones to be removed.
      .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, ' ')
      .trim()
  );
}

/** The value of a header that has to come once. If a target or a proxy sends it several times, the first counts. */
export function firstOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'object' ? header[0] : header;
}

/** Whether an answer names the delivery that was sent. */
export type Answered = 'this' | 'another' | 'unknown';

/**
 * Looks for the field `delivery_id` of a JSON object. A target need not answer with it, and another system may use the
 * name for something else, so only ids of our form count.
 */
export function answeredDelivery(answer: string, deliveryId: string): Answered {
  // order-mgt writes it in exactly this way. Only other answers are parsed.
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

/** Returns the largest end up to `limit` at which no character of UTF-8 is cut in two. */
function endOfCharacter(bytes: Uint8Array, limit: number): number {
  let end = limit;
  while (end > limit - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}
