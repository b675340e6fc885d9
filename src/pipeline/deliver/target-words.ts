/** A log line repeats at most this many characters of a target's answer. */
const WORDS_MAX = 200;

/** The members in which problem documents and APIs describe an error. Source: RFC 9457, 3.1, and custom. */
const MEMBERS = ['detail', 'message', 'error_description', 'error', 'reason', 'title'] as const;

/**
 * Returns the target's own description of an error, on one line, cut short, and with everything masked that looks like a
 * secret. Null if the answer has no text for people.
 */
export function targetWords(answer: string): string | null {
  const text = readable(answer)
    .replace(/\s+/g, ' ')
    .trim()
    // Masks the values in "Bearer abc", "token=abc" and "\"api_key\": \"abc\"".
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ********')
    .replace(
      /((?:secret|password|passwd|token|authorization|credential|api[_-]?key)["']?\s*[:=]\s*["']?)(?!bearer|basic)[^\s"',;&}]+/gi,
      '$1********',
    );
  if (text === '') return null;
  return text.length > WORDS_MAX ? `${text.slice(0, WORDS_MAX)}…` : text;
}

function readable(answer: string): string {
  const text = answer.trim();
  if (text.startsWith('<')) return /<title[^>]*>([^<]*)/i.exec(text)?.[1] ?? '';
  if (!text.startsWith('{')) return text;
  const parsed = parse(text);
  if (parsed === null) return text;
  for (const name of MEMBERS) {
    const member = parsed[name];
    if (typeof member === 'string' && member.trim() !== '') return member;
    const nested =
      typeof member === 'object' && member !== null ? (member as { message?: unknown }).message : '';
    if (typeof nested === 'string' && nested.trim() !== '') return nested;
  }
  return text;
}

/** Null if the answer is no JSON, as an answer that was cut short. */
function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}
