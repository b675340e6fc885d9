/**
 * Reads strict JSON and writes canonical JSON for the oracle, as RFC 8259, RFC 7493 (I-JSON) and RFC 8785 say. It shares
 * no code with the product, so that the two can disagree.
 *
 * Objects are Maps, so that no name in a document has a meaning for JavaScript.
 */
export type Json = null | boolean | number | LargeNumber | string | Json[] | Map<string, Json>;

/** A number beyond 2^53 - 1 in magnitude, which no double holds exactly. */
export class LargeNumber {
  /** Its exact value in decimal notation. */
  readonly decimal: string;

  constructor(text: string) {
    this.decimal = exactDecimal(text);
  }
}

/** The document is not JSON, or it is JSON that two parsers may read differently. */
export class NotStrictJson extends Error {}

/** Documents with more than 64 levels are refused. Real events have a few levels. */
export const DEPTH_LIMIT = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * Returns the document's value. Throws NotStrictJson if the text is not exactly one JSON document, if an object has a
 * name twice, and if a string is not well-formed Unicode.
 */
export function parseStrictJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > DEPTH_LIMIT) throw new NotStrictJson('nested too deep');
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    if (first === 't') return this.#word('true', true);
    if (first === 'f') return this.#word('false', false);
    if (first === 'n') return this.#word('null', null);
    return this.#number();
  }

  end(): void {
    this.#skipSpace();
    if (this.#at !== this.#text.length) throw new NotStrictJson('something follows the document');
  }

  #word<Value extends Json>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw new NotStrictJson('an unknown word');
    this.#at += word.length;
    return value;
  }

  #object(depth: number): Map<string, Json> {
    const members = new Map<string, Json>();
    this.#at++;
    this.#skipSpace();
    if (this.#takes('}')) return members;
    for (;;) {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) throw new NotStrictJson('a name is missing');
      const name = this.#string();
      if (members.has(name)) throw new NotStrictJson('a name is given twice');
      this.#skipSpace();
      if (!this.#takes(':')) throw new NotStrictJson('a colon is missing');
      members.set(name, this.value(depth + 1));
      this.#skipSpace();
      if (this.#takes('}')) return members;
      if (!this.#takes(',')) throw new NotStrictJson('an object does not end');
    }
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#takes(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      this.#skipSpace();
      if (this.#takes(']')) return items;
      if (!this.#takes(',')) throw new NotStrictJson('an array does not end');
    }
  }

  #string(): string {
    let result = '';
    let plainFrom = ++this.#at;
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      // charCodeAt returns NaN behind the end, and every comparison with NaN is false.
      if (!(unit >= 0x20)) throw new NotStrictJson('a string does not end, or holds a control character');
      if (unit === QUOTE) {
        result += this.#text.slice(plainFrom, this.#at++);
        if (!result.isWellFormed()) throw new NotStrictJson('a string holds half a surrogate pair');
        return result;
      }
      if (unit === BACKSLASH) {
        result += this.#text.slice(plainFrom, this.#at) + this.#escape();
        plainFrom = this.#at;
      } else {
        this.#at++;
      }
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NotStrictJson('an escape is not four digits');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meaning = ESCAPES.get(letter);
    if (meaning === undefined) throw new NotStrictJson('an escape is unknown');
    this.#at += 2;
    return meaning;
  }

  #number(): number | LargeNumber {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw new NotStrictJson('no value where one must be');
    this.#at += match[0].length;
    const number = Number(match[0]);
    return Math.abs(number) > Number.MAX_SAFE_INTEGER ? new LargeNumber(match[0]) : number;
  }

  #takes(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }
}

/**
 * The exact value of a number beyond 2^53 - 1: all its digits, without zeros behind a fraction. An integer of more than
 * 400 digits keeps an exponent behind its digits without zeros at the end.
 */
function exactDecimal(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const sign = text.startsWith('-') ? '-' : '';
  let digits = BigInt(whole + fraction);
  let power = Number(exponent) - fraction.length;
  while (digits % 10n === 0n) {
    digits /= 10n;
    power++;
  }
  const shown = String(digits);
  if (power < 0) return `${sign}${shown.slice(0, power)}.${shown.slice(power)}`;
  return sign + (shown.length + power > 400 && power > 0 ? `${shown}e${power}` : shown + '0'.repeat(power));
}

/** Writes canonical JSON (RFC 8785): no spaces, names sorted by UTF-16 code units, numbers as ECMAScript prints them. */
export function canonicalJson(value: Json): string {
  if (value instanceof Map) {
    // JavaScript sorts strings by UTF-16 code units, as the RFC requires.
    const names = [...value.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value.get(name) as Json)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value instanceof LargeNumber) return value.decimal;
  if (typeof value === 'number') return Object.is(value, -0) ? '0' : String(value);
  return JSON.stringify(value);
}
