/**
 * Looks once through the bytes of a JSON text, before the text is parsed. It does not check the syntax: its findings hold
 * if `JSON.parse` accepts the text. One scanner serves many texts, which saves an allocation for each. Its fields describe
 * the last text.
 */
export class JsonScanner {
  /** The number of names of members in the text. Repetitions count. */
  memberCount = 0;
  isAscii = true;
  hasEscapes = false;
  /** Whether the magnitude of a number is above 2^53 - 1, where a double is no longer exact. */
  hasHugeNumber = false;
  /**
   * Whether the text is canonical, provided that its keys are sorted: no white space, no escapes, and only plain integers
   * as numbers.
   */
  isPlain = true;

  readonly #maxDepth: number;

  /** `maxDepth`: the deepest nesting of arrays and objects. A text with one object has depth 1. */
  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  /** Looks through the text. Returns `too_deep` at the place where the nesting passes the limit, and goes no further. */
  scan(bytes: Uint8Array): 'scanned' | 'too_deep' {
    this.memberCount = 0;
    this.isAscii = true;
    this.hasEscapes = false;
    this.hasHugeNumber = false;
    this.isPlain = true;
    const maxDepth = this.#maxDepth;
    const length = bytes.length;
    let allBits = 0;
    let depth = 0;
    let members = 0;
    let whiteSpace = 0;
    let escapes = 0;
    let index = 0;
    while (index < length) {
      const byte = bytes[index++] as number;
      allBits |= byte;
      if (byte === QUOTE) {
        while (index < length) {
          const inside = bytes[index++] as number;
          allBits |= inside;
          if (inside === QUOTE) break;
          if (inside === BACKSLASH) {
            escapes++;
            // An escaped character does not end the string. Its own byte counts for `isAscii` too.
            if (index < length) allBits |= bytes[index++] as number;
          }
        }
      } else if (byte === COLON) {
        members++;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (++depth > maxDepth) return 'too_deep';
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth--;
      } else if (byte <= SPACE) {
        whiteSpace++;
      } else if (byte === HYPHEN || (byte >= DIGIT_ZERO && byte <= DIGIT_NINE)) {
        index = this.#scanNumber(bytes, index - 1);
      }
    }
    this.memberCount = members;
    this.isAscii = allBits < 0x80;
    this.hasEscapes = escapes > 0;
    if (whiteSpace > 0 || escapes > 0) this.isPlain = false;
    return 'scanned';
  }

  /** Looks at the number that begins here. Returns its end. */
  #scanNumber(bytes: Uint8Array, start: number): number {
    let index = start;
    let digitsOnly = true;
    while (index < bytes.length) {
      const byte = bytes[index] as number;
      if (byte < DIGIT_ZERO || byte > DIGIT_NINE) {
        if (byte !== HYPHEN && byte !== PLUS && byte !== FULL_STOP && (byte | LOWER_CASE_BIT) !== LOWER_E)
          break;
        digitsOnly = false;
      }
      index++;
    }
    if (!digitsOnly) this.isPlain = false;
    if (digitsOnly && index - start <= EXACT_DIGITS) return index;
    let text = '';
    for (let place = start; place < index; place++) text += String.fromCharCode(bytes[place] as number);
    if (Math.abs(Number(text)) > Number.MAX_SAFE_INTEGER) this.hasHugeNumber = true;
    return index;
  }
}

/** An integer with at most this many digits is below 2^53. */
const EXACT_DIGITS = 15;

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const HYPHEN = 0x2d;
const FULL_STOP = 0x2e;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LOWER_CASE_BIT = 0x20;
