/*
 * Reads and writes messages of Kafka's protocol. It shares no code with the adapter, nor with the library that the
 * adapter uses.
 * Source: https://kafka.apache.org/protocol#protocol_types, KIP-482 (compact types and tagged fields).
 */

/** The bytes of one message, and the position of the next one to read. */
export class Input {
  readonly bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position === this.bytes.length;
  }

  /** The next `length` bytes. Throws a RangeError if the message ends before. */
  take(length: number): Buffer {
    const end = this.#position + length;
    if (length < 0 || end > this.bytes.length) throw new RangeError('a request ends too early');
    const taken = this.bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const [byte = 0] = this.take(1);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

/** Collects the pieces of one message. */
export class Output {
  readonly #pieces: Buffer[] = [];

  put(...pieces: Buffer[]): void {
    this.#pieces.push(...pieces);
  }

  unsignedVarint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    this.put(Buffer.from([...bytes, rest]));
  }

  joined(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Reads and writes one field. */
export interface Codec<Value> {
  read(input: Input): Value;
  write(output: Output, value: Value): void;
}

export type ValueOf<AnyCodec> = AnyCodec extends Codec<infer Value> ? Value : never;

function fixed<Value>(
  length: number,
  read: (bytes: Buffer) => Value,
  write: (bytes: Buffer, value: Value) => void,
): Codec<Value> {
  return {
    read: (input) => read(input.take(length)),
    write(output, value) {
      const bytes = Buffer.alloc(length);
      write(bytes, value);
      output.put(bytes);
    },
  };
}

export const int8 = fixed<number>(
  1,
  (bytes) => bytes.readInt8(),
  (bytes, value) => bytes.writeInt8(value),
);
export const int16 = fixed<number>(
  2,
  (bytes) => bytes.readInt16BE(),
  (bytes, value) => bytes.writeInt16BE(value),
);
export const int32 = fixed<number>(
  4,
  (bytes) => bytes.readInt32BE(),
  (bytes, value) => bytes.writeInt32BE(value),
);
export const int64 = fixed<bigint>(
  8,
  (bytes) => bytes.readBigInt64BE(),
  (bytes, value) => bytes.writeBigInt64BE(value),
);
export const bool = fixed<boolean>(
  1,
  (bytes) => bytes[0] !== 0,
  (bytes, value) => bytes.writeInt8(value ? 1 : 0),
);
export const uuid = fixed<string>(
  16,
  (bytes) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  (bytes, value) => void bytes.write(value.replaceAll('-', ''), 'hex'),
);

/** Bytes with their length in front, as an unsigned varint of one more. Length 0 is null. */
export const nullableBytes: Codec<Buffer | null> = {
  read(input) {
    const length = input.unsignedVarint();
    return length === 0 ? null : input.take(length - 1);
  },
  write(output, value) {
    output.unsignedVarint(value === null ? 0 : value.length + 1);
    if (value !== null) output.put(value);
  },
};

export const bytes: Codec<Buffer> = notNull(nullableBytes);

export const nullableString: Codec<string | null> = {
  read: (input) => nullableBytes.read(input)?.toString('utf8') ?? null,
  write: (output, value) => nullableBytes.write(output, value === null ? null : Buffer.from(value, 'utf8')),
};

export const string: Codec<string> = notNull(nullableString);

/** A text of the protocol's older kind, with its length as an int16. Length -1 is null. */
export const oldNullableString: Codec<string | null> = {
  read(input) {
    const length = int16.read(input);
    return length < 0 ? null : input.take(length).toString('utf8');
  },
  write(output, value) {
    const text = Buffer.from(value ?? '', 'utf8');
    int16.write(output, value === null ? -1 : text.length);
    output.put(text);
  },
};

export function nullableArray<Item>(item: Codec<Item>): Codec<Item[] | null> {
  return {
    read(input) {
      const length = input.unsignedVarint();
      return length === 0 ? null : Array.from({ length: length - 1 }, () => item.read(input));
    },
    write(output, value) {
      output.unsignedVarint(value === null ? 0 : value.length + 1);
      for (const each of value ?? []) item.write(output, each);
    },
  };
}

export function array<Item>(item: Codec<Item>): Codec<Item[]> {
  return notNull(nullableArray(item));
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
type Tagged = Readonly<Record<string, { readonly tag: number; readonly codec: Codec<unknown> }>>;
type Struct<Plain extends Fields, Tags extends Tagged> = {
  -readonly [Name in keyof Plain]: ValueOf<Plain[Name]>;
} & {
  -readonly [Name in keyof Tags]?: ValueOf<Tags[Name]['codec']> | undefined;
};

/** Fields one after the other, then the tagged ones that are set. Skips tagged fields that it does not know. */
export function struct<Plain extends Fields, Tags extends Tagged = Record<never, never>>(
  fields: Plain,
  tagged?: Tags,
): Codec<Struct<Plain, Tags>> {
  const tags = Object.entries<Tagged[string]>(tagged ?? {});
  return {
    read(input) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of Object.entries<Codec<unknown>>(fields)) value[name] = codec.read(input);
      for (let left = input.unsignedVarint(); left > 0; left--) {
        const tag = input.unsignedVarint();
        const field = new Input(input.take(input.unsignedVarint()));
        const known = tags.find(([, each]) => each.tag === tag);
        if (known !== undefined) value[known[0]] = known[1].codec.read(field);
      }
      return value as Struct<Plain, Tags>;
    },
    write(output, value) {
      const values = value as Record<string, unknown>;
      for (const [name, codec] of Object.entries<Codec<unknown>>(fields)) codec.write(output, values[name]);
      const set = tags.filter(([name]) => values[name] !== undefined);
      output.unsignedVarint(set.length);
      for (const [name, { tag, codec }] of set) {
        const field = new Output();
        codec.write(field, values[name]);
        const encoded = field.joined();
        output.unsignedVarint(tag);
        output.unsignedVarint(encoded.length);
        output.put(encoded);
      }
    },
  };
}

function notNull<Value>(codec: Codec<Value | null>): Codec<Value> {
  return {
    read(input) {
      const value = codec.read(input);
      if (value === null) throw new RangeError('a request has a null where there is none');
      return value;
    },
    write: (output, value) => codec.write(output, value),
  };
}
