/**
 * Compares two strings by the bytes of their UTF-8 forms: negative, zero or positive.
 *
 * JavaScript compares UTF-16 code units, which puts U+E000..U+FFFF after the characters beyond U+FFFF, while
 * UTF-8 (and so every database that compares bytes) puts them before. Both strings must be well-formed.
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

/** Moves the surrogates, which stand for characters beyond U+FFFF, behind all other code units. */
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
    // A surrogate pair is two code units and four bytes: two more for each half's share is one each.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/**
 * The text for a log line or a message: quoted, everything but printable ASCII escaped, cut off after
 * `maxLength` characters, so that no id can forge a line, hide in it, or fill it.
 */
export function quoted(text: string, maxLength = 100): string {
  const shown = text.length > maxLength ? text.slice(0, maxLength) : text;
  const escaped = JSON.stringify(shown).replace(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return shown === text ? escaped : `${escaped} (cut off, ${text.length} characters)`;
}

/**
 * A text on one line: control characters, line separators and the marks that turn the direction of writing are
 * written as escapes, so that what came from outside can neither forge a line nor drive a terminal.
 */
export function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
