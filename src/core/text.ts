/**
 * Compares two strings by the bytes of their UTF-8 forms: negative, zero or positive. Both must be well-formed.
 *
 * JavaScript compares UTF-16 code units, so that U+E000..U+FFFF come after the characters beyond U+FFFF. In UTF-8, and so
 * in every database that compares bytes, they come before.
 */
export function compareUtf8(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return utf8Rank(a) - utf8Rank(b);
  }
  return left.length - right.length;
}

/** Ranks surrogates, which stand for characters beyond U+FFFF, behind all other code units. */
function utf8Rank(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit;
  return codeUnit >= 0xe000 ? codeUnit - 0x800 : codeUnit + 0x2000;
}

/** The length in bytes of a well-formed string's UTF-8 form. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair has two code units and four bytes, so each half adds one byte to its unit.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/**
 * Quotes a text for a log line or a message: everything but printable ASCII is escaped, and it is cut off after `maxLength`
 * characters. So an id can neither forge a line, nor hide in it, nor fill it.
 */
export function quoted(text: string, maxLength = 100): string {
  const shown = text.length > maxLength ? text.slice(0, maxLength) : text;
  const escaped = JSON.stringify(shown).replace(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return shown === text ? escaped : `${escaped} (cut off, ${text.length} characters)`;
}

/**
 * Puts a text on one line: control characters, line separators and the marks that change the direction of writing become
 * escapes. So a text from outside can neither forge a line nor control a terminal.
 */
export function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
