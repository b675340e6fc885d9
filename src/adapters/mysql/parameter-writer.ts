/**
 * Writes the parameters of an execution of a prepared statement (COM_STMT_EXECUTE) straight into the bytes of its
 * packet. The driver makes an object for each parameter, which is the largest cost of a statement with thousands of
 * rows. This is several times cheaper.
 *
 * Source: MySQL Internals, "COM_STMT_EXECUTE" and "Binary Protocol Value".
 */
export type ColumnType = 'text' | 'bytes' | 'integer' | 'double';

/** The protocol's type codes: VAR_STRING, BLOB, LONGLONG, DOUBLE. */
const TYPE_CODES: Readonly<Record<ColumnType, number>> = {
  text: 253,
  bytes: 252,
  integer: 8,
  double: 5,
};

/** The bytes of the length in front of a value of up to 16 MiB. */
const LONG_PREFIX_BYTES = 4;
const HEADER_BYTES = 4;
const COMMAND_BYTES = 10;
const EXECUTE = 0x17;
const INITIAL_BYTES = 64 * 1024;

/** Longer texts are encoded by the runtime, which is quicker for them. */
const SHORT_TEXT = 64;

/** Printable ASCII without quote and backslash, which in JSON stands as it is. */
const PLAIN_JSON = /^[ !#-[\]-~]*$/;

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1');

/** Names as JSON, which are written for each event. */
const quotedNames = new Map<string, string>();
const QUOTED_NAMES_MAX = 256;

/**
 * Writes the values in the sequence of the parameters, each with the method of its column's type. Ids are written with
 * `text`, and sent as `bytes` because their columns are binary: the server would check a text character by character.
 */
export class ParameterWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #end = 0;
  #nullsAt = 0;
  #index = 0;
  #partsAt = 0;

  /**
   * Begins the packet of one execution. `types` are the types of all parameters, which are sent if the server lacks
   * them.
   */
  begin(statementId: number, types: readonly ColumnType[], sendsTypes: boolean): void {
    const nullBytes = (types.length + 7) >> 3;
    this.#end = 0;
    this.#index = 0;
    this.#reserve(HEADER_BYTES + COMMAND_BYTES + nullBytes + 1 + 2 * types.length);
    const buffer = this.#buffer;
    buffer[HEADER_BYTES] = EXECUTE;
    buffer.writeUInt32LE(statementId, HEADER_BYTES + 1);
    buffer[HEADER_BYTES + 5] = 0; // no cursor
    buffer.writeUInt32LE(1, HEADER_BYTES + 6); // one iteration
    this.#nullsAt = HEADER_BYTES + COMMAND_BYTES;
    let end = this.#nullsAt;
    buffer.fill(0, end, end + nullBytes);
    end += nullBytes;
    buffer[end++] = sendsTypes ? 1 : 0;
    if (sendsTypes) {
      for (const type of types) {
        buffer[end++] = TYPE_CODES[type];
        buffer[end++] = 0; // signed
      }
    }
    this.#end = end;
  }

  /** The finished packet, with room for its header in front. It is valid until the next `begin`. */
  packet(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  get byteLength(): number {
    return this.#end;
  }

  null(): void {
    const at = this.#nullsAt + (this.#index >> 3);
    this.#buffer[at] = (this.#buffer[at] as number) | (1 << (this.#index & 7));
    this.#index++;
  }

  /** Writes a well-formed string as UTF-8. */
  text(value: string | null): void {
    if (value === null) {
      this.null();
      return;
    }
    // A code unit takes at most three bytes. Most lengths take one byte in front; for longer texts the bytes are moved
    // to make room.
    this.#reserve(value.length * 3 + 9);
    if (value.length <= SHORT_TEXT && this.#shortAscii(value)) {
      this.#index++;
      return;
    }
    const start = this.#end + 1;
    const length = this.#buffer.write(value, start);
    if (length < 251) {
      this.#buffer[this.#end] = length;
      this.#end = start + length;
    } else {
      const prefix = length < 0x1_0000 ? 3 : 4;
      this.#buffer.copyWithin(this.#end + prefix, start, start + length);
      this.#writeLength(length);
      this.#end += length;
    }
    this.#index++;
  }

  /** Writes a text of ASCII characters. Answers false if the text has others. */
  #shortAscii(value: string): boolean {
    const buffer = this.#buffer;
    let end = this.#end + 1;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      buffer[end++] = unit;
    }
    buffer[this.#end] = value.length;
    this.#end = end;
    return true;
  }

  /** Writes bytes that are well-formed UTF-8. */
  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.null();
      return;
    }
    this.#reserve(value.length + 9);
    this.#writeLength(value.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
    this.#index++;
  }

  /**
   * Writes bytes that are no UTF-8 as a text, for a parameter that stands in FROM_BASE64. A proxy that decodes parameters
   * as texts would damage them otherwise.
   */
  base64(value: Uint8Array | null): void {
    if (value === null) {
      this.null();
      return;
    }
    const digits = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    this.#reserve(digits.length + 9);
    this.#writeLength(digits.length);
    this.#end += this.#buffer.write(digits, this.#end, 'latin1');
    this.#index++;
  }

  /** Writes a safe integer, a bigint or a boolean. */
  integer(value: number | bigint | boolean | null): void {
    if (value === null) {
      this.null();
      return;
    }
    this.#reserve(8);
    if (typeof value === 'bigint') this.#buffer.writeBigInt64LE(value, this.#end);
    else {
      const number = Number(value);
      const high = Math.floor(number / 0x1_0000_0000);
      this.#buffer.writeInt32LE((number - high * 0x1_0000_0000) | 0, this.#end);
      this.#buffer.writeInt32LE(high, this.#end + 4);
    }
    this.#end += 8;
    this.#index++;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#buffer.writeDoubleLE(value, this.#end);
    this.#end += 8;
    this.#index++;
  }

  /** Begins a value below 16 MiB that is written in parts. `endParts` ends it. */
  beginParts(): void {
    this.#reserve(LONG_PREFIX_BYTES);
    this.#partsAt = this.#end;
    this.#end += LONG_PREFIX_BYTES;
  }

  endParts(): void {
    this.#buffer[this.#partsAt] = 0xfd;
    this.#buffer.writeUIntLE(this.#end - this.#partsAt - LONG_PREFIX_BYTES, this.#partsAt + 1, 3);
    this.#index++;
  }

  /** Adds a well-formed string as UTF-8. Answers the number of its bytes. */
  part(value: string): number {
    this.#reserve(value.length * 3);
    const length = this.#buffer.write(value, this.#end);
    this.#end += length;
    return length;
  }

  /** Adds these bytes. Answers their number. */
  bytesPart(source: Buffer, from: number, to: number): number {
    this.#reserve(to - from);
    source.copy(this.#buffer, this.#end, from, to);
    this.#end += to - from;
    return to - from;
  }

  /** Adds the hexadecimal digits of these bytes. */
  hexPart(source: Buffer, from: number, to: number): void {
    this.#reserve(2 * (to - from));
    const buffer = this.#buffer;
    let end = this.#end;
    for (let index = from; index < to; index++) {
      const byte = source[index] as number;
      buffer[end++] = HEX_DIGITS[byte >> 4] as number;
      buffer[end++] = HEX_DIGITS[byte & 15] as number;
    }
    this.#end = end;
  }

  /** Adds a few ASCII characters of JSON. */
  json(ascii: string): void {
    this.#reserve(ascii.length);
    for (let index = 0; index < ascii.length; index++) this.#buffer[this.#end++] = ascii.charCodeAt(index);
  }

  jsonInteger(value: number): void {
    if (value < 0) {
      this.json(String(value));
      return;
    }
    this.#reserve(16);
    const high = Math.floor(value / 10_000_000);
    if (high > 0) {
      this.#digits(high, 1);
      this.#digits(value - high * 10_000_000, 7);
    } else this.#digits(value, 1);
  }

  /** Adds a number below 10^9 with at least `least` digits. */
  #digits(value: number, least: number): void {
    let count = 1;
    for (let limit = 10; value >= limit && count < 10; limit *= 10) count++;
    if (count < least) count = least;
    let rest = value | 0;
    for (let place = this.#end + count - 1; place >= this.#end; place--) {
      const next = (rest / 10) | 0;
      this.#buffer[place] = 0x30 + (rest - next * 10);
      rest = next;
    }
    this.#end += count;
  }

  /** Adds a well-formed string as JSON. */
  jsonText(value: string): void {
    if (!PLAIN_JSON.test(value)) {
      this.part(JSON.stringify(value));
      return;
    }
    this.json('"');
    this.part(value);
    this.json('"');
  }

  /** Adds these bytes of UTF-8 as JSON if they stand in it as they are. Answers whether they do. */
  jsonBytes(source: Buffer, from: number, to: number): boolean {
    for (let index = from; index < to; index++) {
      const byte = source[index] as number;
      if (byte < SPACE || byte === QUOTE || byte === BACKSLASH || byte > TILDE) return false;
    }
    this.json('"');
    this.bytesPart(source, from, to);
    this.json('"');
    return true;
  }

  /** Adds a well-formed string as JSON that is one of a few, such as the name of a topic. */
  jsonName(name: string): void {
    let quoted = quotedNames.get(name);
    if (quoted === undefined) {
      if (quotedNames.size === QUOTED_NAMES_MAX) quotedNames.clear();
      quoted = JSON.stringify(name);
      quotedNames.set(name, quoted);
    }
    this.part(quoted);
  }

  #writeLength(length: number): void {
    const buffer = this.#buffer;
    if (length < 251) buffer[this.#end++] = length;
    else if (length < 0x1_0000) {
      buffer[this.#end] = 0xfc;
      buffer.writeUInt16LE(length, this.#end + 1);
      this.#end += 3;
    } else {
      buffer[this.#end] = 0xfd;
      buffer.writeUIntLE(length, this.#end + 1, 3);
      this.#end += 4;
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(needed)));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
