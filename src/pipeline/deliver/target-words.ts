/** Of a target's own words so much is repeated in a log line. */
const WORDS_MAX = 200;

/** Members in which problem documents and APIs say what is wrong. Source: RFC 9457, 3.1, and custom. */
const MEMBERS = ['detail', 'message', 'error_description', 'error', 'reason', 'title'] as const;

/**
 * What the target itself says of an answer that is no success, on one line and cut short, with what looks like a
 * secret masked; null if it says nothing that people can read.
 */
export function targetWords(answer: string): string | null {
  const text = readable(answer)
    .replace(/\s+/g, ' ')
    .trim()
    // "Bearer abc", "token=abc", "\"api_key\": \"abc\"": whatever stands behind is not repeated.
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

/** An answer is kept to its first bytes: one that was cut is no JSON any more. */
function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}
