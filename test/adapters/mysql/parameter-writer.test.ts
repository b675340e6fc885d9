import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ColumnType, ParameterWriter } from '../../../src/adapters/mysql/parameter-writer.ts';
import { type Parameter, readExecution } from './driver-double.ts';

/** A parameter: how it is written, and what the server must read. */
interface Written {
  readonly type: ColumnType;
  readonly write: (writer: ParameterWriter) => void;
  readonly read: Parameter;
}

/** Lengths at which the protocol changes the form of a length, and those beside them. */
const LENGTHS = [0, 1, 63, 64, 65, 250, 251, 252, 65_535, 65_536];
const SPECIAL_INTEGERS = [0, 1, 255, 2 ** 31, 2 ** 32, 2 ** 40 + 2 ** 31].flatMap((n) => [n - 1, n, n + 1]);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
  fc
    .tuple(fc.constantFrom(...LENGTHS), fc.constantFrom('a', 'é', '漢', '😀'))
    .map(([length, unit]) => unit.repeat(length)),
);
const safeInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(...SPECIAL_INTEGERS),
  fc.constantFrom(...SPECIAL_INTEGERS).map((value) => -value),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300, size: 'max' }),
  fc.constantFrom(...LENGTHS).map((length) => new Uint8Array(length).fill(7)),
);
const written: fc.Arbitrary<Written> = fc.oneof(
  text.map((value) => ({
    type: 'text' as const,
    write: (writer: ParameterWriter) => writer.text(value),
    read: Buffer.from(value),
  })),
  bytes.map((value) => ({
    type: 'bytes' as const,
    write: (writer: ParameterWriter) => writer.bytes(value),
    read: Buffer.from(value),
  })),
  bytes.map((value) => ({
    type: 'text' as const,
    write: (writer: ParameterWriter) => writer.base64(value),
    read: Buffer.from(Buffer.from(value).toString('base64')),
  })),
  fc.oneof(safeInteger, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.boolean()).map((value) => ({
    type: 'integer' as const,
    write: (writer: ParameterWriter) => writer.integer(value),
    read: BigInt(value),
  })),
  fc.double({ noNaN: true }).map((value) => ({
    type: 'double' as const,
    write: (writer: ParameterWriter) => writer.double(value),
    read: value,
  })),
  fc.constantFrom<Written[]>(
    { type: 'text', write: (writer) => writer.text(null), read: null },
    { type: 'bytes', write: (writer) => writer.bytes(null), read: null },
    { type: 'integer', write: (writer) => writer.integer(null), read: null },
    { type: 'double', write: (writer) => writer.null(), read: null },
  ),
  fc.array(text, { maxLength: 4 }).map((parts) => ({
    type: 'bytes' as const,
    write(writer: ParameterWriter) {
      writer.beginParts();
      for (const part of parts) expect(writer.part(part)).toBe(Buffer.byteLength(part));
      writer.endParts();
    },
    read: Buffer.from(parts.join('')),
  })),
);

/** Bytes as a text, because long ones are slow to compare one by one. */
function shown(parameter: Parameter): Parameter | string {
  return Buffer.isBuffer(parameter) ? parameter.toString('base64') : parameter;
}

/** Writes a value of parts, and gives what the server reads. */
function textOfParts(write: (writer: ParameterWriter) => void): string {
  const writer = new ParameterWriter();
  writer.begin(1, ['bytes'], true);
  writer.beginParts();
  write(writer);
  writer.endParts();
  return (readExecution(writer.packet(), 1, undefined).parameters[0] as Buffer).toString('utf8');
}

describe('the parameters of a statement', () => {
  it('the server reads every value as it was, whatever the values before it were', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 10 }), fc.nat(), (values, id) => {
        const writer = new ParameterWriter();
        const types = values.map(({ type }) => type);
        // The writer is used again and again, and the types are sent the first time only.
        const expected = values.map(({ read }) => shown(read));
        let known: readonly number[] | undefined;
        for (const sendsTypes of [true, false]) {
          writer.begin(id, types, sendsTypes);
          for (const { write } of values) write(writer);
          const packet = writer.packet();
          expect(packet).toHaveLength(writer.byteLength);
          const read = readExecution(packet, values.length, known);
          expect(read.statementId).toBe(id);
          expect(read.parameters.map(shown)).toEqual(expected);
          known = read.types;
        }
      }),
    );
  });

  it('JSON that is written in parts is what JSON.stringify gives', () => {
    const integer = fc.oneof(
      fc.maxSafeInteger(),
      fc.constantFrom(0, 9_999_999, 10_000_000, 70_000_007, 2 ** 53 - 1),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(integer, text), { minLength: 1, maxLength: 8 }), (values) => {
        const printed = textOfParts((writer) => {
          values.forEach((value, index) => {
            writer.json(index === 0 ? '[' : ',');
            if (typeof value === 'number') writer.jsonInteger(Object.is(value, -0) ? 0 : value);
            else if (index % 2 === 0) writer.jsonText(value);
            else writer.jsonName(value);
          });
          writer.json(']');
        });
        expect(printed).toBe(JSON.stringify(values));
      }),
      { numRuns: 300 },
    );
  });

  it('JSON numbers keep the zeros in their middle', () => {
    for (let zeros = 0; zeros < 15; zeros++) {
      const value = 10 ** zeros * 7 + 7;
      expect(textOfParts((writer) => writer.jsonInteger(value))).toBe(String(value));
    }
  });
});

describe('the bytes of an execution', () => {
  it('the packet is what the protocol says', () => {
    const writer = new ParameterWriter();
    const types = ['text', 'bytes', 'integer', 'double'] as const;
    writer.begin(0x01020304, types, true);
    writer.text('ab');
    writer.null();
    writer.integer(-2);
    writer.double(0.5);
    // The command, the statement, no cursor, one iteration, the second is null, four types, three values.
    expect(writer.packet().subarray(4).toString('hex')).toBe(
      '17' +
        '04030201' +
        '00' +
        '01000000' +
        '02' +
        '01' +
        'fd00fc0008000500' +
        '026162' +
        'feffffffffffffff' +
        '000000000000e03f',
    );
    writer.begin(1, types, false);
    expect(writer.packet().subarray(4).toString('hex')).toBe(
      '17' + '01000000' + '00' + '01000000' + '00' + '00',
    );
  });

  it('more than eight parameters have a bit each for being null', () => {
    const writer = new ParameterWriter();
    writer.begin(1, new Array<ColumnType>(9).fill('integer'), false);
    for (let index = 0; index < 9; index++) {
      if (index === 3 || index === 8) writer.integer(null);
      else writer.integer(index);
    }
    expect(writer.packet().subarray(14, 16).toString('hex')).toBe('0801');
  });

  it('null takes a bit and no bytes, whatever its type is', () => {
    const writer = new ParameterWriter();
    writer.begin(1, ['text', 'bytes', 'text', 'integer', 'integer'], true);
    writer.text(null);
    writer.bytes(null);
    writer.base64(null);
    writer.integer(null);
    writer.integer(7);
    expect(readExecution(writer.packet(), 5, undefined).parameters).toEqual([null, null, null, null, 7n]);
  });

  it('the length in front of a value has the form that the protocol gives it', () => {
    const frontOf = (write: (writer: ParameterWriter) => void) => {
      const writer = new ParameterWriter();
      writer.begin(1, ['bytes'], false);
      const start = writer.byteLength;
      write(writer);
      return writer
        .packet()
        .subarray(start, start + 4)
        .toString('hex');
    };
    const ofText = (length: number) => frontOf((writer) => writer.text('a'.repeat(length)));
    const ofBytes = (length: number) => frontOf((writer) => writer.bytes(new Uint8Array(length).fill(0x61)));
    for (const of of [ofText, ofBytes]) {
      expect(of(250)).toBe('fa616161');
      expect(of(251)).toBe('fcfb0061');
      expect(of(65_535)).toBe('fcffff61');
      expect(of(65_536)).toBe('fd000001');
    }
  });

  it('a value in parts keeps its place while the packet grows', () => {
    const long = 'x'.repeat(200_000);
    expect(textOfParts((writer) => writer.part(long))).toBe(long);
    expect(textOfParts((writer) => writer.json(long))).toBe(long);
    expect(textOfParts((writer) => writer.jsonText(`${long}"`))).toBe(`"${long}\\""`);
    for (const value of [-1, -12_345_678_901])
      expect(textOfParts((writer) => writer.jsonInteger(value))).toBe(String(value));
  });

  it('more names than are kept are written right, also again', () => {
    const names = Array.from({ length: 600 }, (_, index) => `name "${index % 300}"`);
    const printed = textOfParts((writer) => {
      for (const name of names) writer.jsonName(name);
    });
    expect(printed).toBe(names.map((name) => JSON.stringify(name)).join(''));
  });
});

describe('the memory of a writer', () => {
  const FIRST_BYTES = 64 * 1024;
  const parts = (write: (writer: ParameterWriter) => void) => (writer: ParameterWriter) => {
    writer.beginParts();
    write(writer);
    writer.endParts();
  };
  const letters = Buffer.from('#abcdefghij#');

  it.each<[string, ColumnType, (writer: ParameterWriter) => void, Parameter]>([
    ['a short text', 'text', (writer) => writer.text('order'), Buffer.from('order')],
    ['a text of many bytes', 'text', (writer) => writer.text('漢字漢字'), Buffer.from('漢字漢字')],
    ['bytes', 'bytes', (writer) => writer.bytes(letters), letters],
    ['bytes in base64', 'text', (writer) => writer.base64(letters), Buffer.from(letters.toString('base64'))],
    ['an integer', 'integer', (writer) => writer.integer(-2), -2n],
    ['a bigint', 'integer', (writer) => writer.integer(2n ** 62n), 2n ** 62n],
    ['a double', 'double', (writer) => writer.double(0.5), 0.5],
    ['a value without parts', 'bytes', parts(() => {}), Buffer.alloc(0)],
    ['a part', 'bytes', parts((writer) => writer.part('漢字')), Buffer.from('漢字')],
    [
      'a part of bytes',
      'bytes',
      parts((writer) => writer.bytesPart(letters, 1, 11)),
      Buffer.from('abcdefghij'),
    ],
    ['digits', 'bytes', parts((writer) => writer.hexPart(letters, 1, 5)), Buffer.from('61626364')],
    ['characters of JSON', 'bytes', parts((writer) => writer.json('[null]')), Buffer.from('[null]')],
    [
      'a number of JSON',
      'bytes',
      parts((writer) => writer.jsonInteger(Number.MAX_SAFE_INTEGER)),
      Buffer.from('9007199254740991'),
    ],
  ])('grows for %s, however little room is left', (_, type, write, read) => {
    for (let room = 0; room <= 24; room++) {
      const writer = new ParameterWriter();
      writer.begin(1, ['bytes', type], true);
      const filled = FIRST_BYTES - room - writer.byteLength - 4;
      writer.beginParts();
      writer.bytesPart(Buffer.alloc(filled), 0, filled);
      writer.endParts();
      expect(writer.byteLength).toBe(FIRST_BYTES - room);
      write(writer);
      const { parameters } = readExecution(writer.packet(), 2, undefined);
      expect(parameters[1]).toEqual(read);
    }
  });

  it.each([
    [30_834, 0],
    [61_674, FIRST_BYTES],
    [123_355, 2 * FIRST_BYTES],
  ])('grows for %i parameters that are null', (count, before) => {
    const writer = new ParameterWriter();
    writer.begin(1, ['bytes'], true);
    writer.bytes(new Uint8Array(before));
    writer.begin(1, new Array<ColumnType>(count).fill('double'), true);
    for (let index = 0; index < count; index++) writer.null();
    const { types, parameters } = readExecution(writer.packet(), count, undefined);
    expect([new Set(types), new Set(parameters)]).toEqual([new Set([5]), new Set([null])]);
  });

  it('holds nothing of the packet before', () => {
    const writer = new ParameterWriter();
    const types = new Array<ColumnType>(20).fill('text');
    writer.begin(1, types, true);
    for (const _ of types) writer.null();
    writer.begin(1, types, true);
    for (const _ of types) writer.text('a');
    const { parameters } = readExecution(writer.packet(), types.length, undefined);
    expect(parameters).toEqual(types.map(() => Buffer.from('a')));
  });
});

describe('the characters of a text', () => {
  it.each(['\u007f', '\u0080', 'a\u0080', '\u07ff', '\u0800'])('%j is written as UTF-8', (value) => {
    const writer = new ParameterWriter();
    writer.begin(1, ['text'], true);
    writer.text(value);
    expect(readExecution(writer.packet(), 1, undefined).parameters).toEqual([Buffer.from(value)]);
  });

  it.each([63, 64, 65, 250, 251, 65_535, 65_536, 70_000])('%i of them are all there', (length) => {
    const value = 'abc'.repeat(length).slice(0, length);
    const writer = new ParameterWriter();
    writer.begin(1, ['text', 'bytes', 'integer'], true);
    writer.text(value);
    writer.bytes(Buffer.from(value));
    writer.integer(7);
    const { parameters } = readExecution(writer.packet(), 3, undefined);
    expect(parameters.map(String)).toEqual([value, value, '7']);
  });
});

describe('JSON in parts', () => {
  it('writes every digit of a number', () => {
    for (const value of Array.from({ length: 16 }, (_, digits) => 10 ** digits).flatMap((n) => [
      n - 1,
      n,
      n + 1,
    ]))
      expect(textOfParts((writer) => writer.jsonInteger(value))).toBe(String(value));
  });

  it.each([
    [' !#[]^~', true],
    ['', true],
    ['a"b', false],
    ['a\\b', false],
    ['a\u001f', false],
    ['a\u007f', false],
    ['\u00e9', false],
  ])('takes the bytes of %j if they need no escape: %s', (text, isPlain) => {
    const source = Buffer.from(`"${text}"`);
    let isTaken: boolean | undefined;
    const printed = textOfParts((writer) => {
      isTaken = writer.jsonBytes(source, 1, source.length - 1);
    });
    expect([isTaken, printed]).toEqual([isPlain, isPlain ? `"${text}"` : '']);
  });

  it.each([' !#[]^~', '"', '\\', '\u001f', '\u007f', '\u00e9'])('writes the text %j as JSON', (text) => {
    expect(textOfParts((writer) => writer.jsonText(text))).toBe(JSON.stringify(text));
  });

  it('answers the number of bytes of a part', () => {
    let lengths: number[] = [];
    textOfParts((writer) => {
      lengths = [writer.part('é漢'), writer.bytesPart(Buffer.from('abcdef'), 2, 5)];
    });
    expect(lengths).toEqual([5, 3]);
  });
});
