import { describe, expect, it } from 'vitest';
import { textFault, utf8Fault } from '../../../../src/pipeline/decode/forms/text-faults.ts';

function faultOf(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return textFault(text, error);
  }
  throw new Error('The text is JSON.');
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a text in another language', () => {
  it.each([
    ['it is base64 of gzip', ['H4sIAAAA', 'H4sIAA+/', 'H4sIA9A=', 'H4sIAAz==']],
    [
      'it is JSON in base64',
      [base64('{"a":1}'), base64('{ "a":12}'), base64('{\n"a":1}'), base64('{Xy:1}'), 'eyJ-_w'],
    ],
    ['it is JSON in hexadecimal digits', ['7b227d', '7B7D', '5b5d', '5b317d5D']],
    ['it is JSON in the encoding of URLs', ['%7b%22a', '%7B%22A']],
    ["it is PHP's serialize()", ['a:1:{i:0;', 'a:12:{i:0;', 'O:8:"stdClass":0:{}', 'O:12:"a"']],
    [
      'it is a hash that Ruby printed',
      ['{"ab"=>1}', '{  "ab"  => 1}', '{""=>1}', '{:a=>1}', '{ :ab_c  =>1}', '{"ab" =>1}'],
    ],
    [
      'it is an object of Java that has no toString() of its own',
      ['a.B@1', 'com.shop.Order@12345678', 'a1.b2.C3@f'],
    ],
    ['it is a signed token (JWT)', ['eyJhb.eyJ.c2ln', 'eyJ-_.a.', 'eyJa.b-_.c-_']],
    ["a line )]}' stands before it, as some web services write it", [")]}'\n{}", ")]}',\n{}", ")]}' {}"]],
    [
      "it is Kafka Connect's Struct, printed by StringConverter instead of JsonConverter",
      ['Struct{}', 'Struct{a=1}'],
    ],
    [
      'it is an object that was printed by its toString()',
      ['O(a=1)', 'Order[ab=1]', 'com.shop.Order{ab = 1}', '$O_1$2(  a_b2  =1)', '_o(_a=1)'],
    ],
    ['it is a map that was printed by its toString()', ['{a=1}', '{  ab  =1}', '{_a2=1}']],
    ['it is the form of a web page (name=value&...)', ['a=&b=1', 'ab_2=12&c', '_=x&']],
    ['it is YAML or a header line', ['a: 1', 'order_id2:\n  - 1', '_a:\t1']],
    ['it is a line of an event stream (data: ...)', ['data:{"a":1}', 'data: {"a":1}', 'data:  {}']],
    ['it is JSON whose quotes are escaped for HTML', ['{&quot;a&quot;:1}']],
    ['its quotes stand behind backslashes, as inside of a text', ['{\\"a\\":1}']],
  ])('counts as known: %s', (fault, texts) => {
    expect(texts.map(faultOf)).toEqual(texts.map(() => fault));
  });

  it.each([
    'xH4sIAAAA',
    'H4sIAAAA!',
    'H4sIAA===',
    `!${base64('{"a":1}')}`,
    `${base64('{"a":1}')}!`,
    'eyJhIjox===',
    'x7b227d',
    'x%7b%22',
    'xa:1:{i:0;',
    'xO:8:"a"',
    '?{"a"=>1}',
    'Com.shop.Order@1a',
    'com.shop.Order@123456789',
    'com@1a',
    'com.shop.Order@1g',
    'xeyJhb.eyJ.c2ln',
    'eyJhb.eyJ',
    'eyJhb.eyJ.c2ln!',
    "x)]}'\n{}",
    ")]}'{}",
    'xStruct{}',
    '?Order(a=1)',
    'Order(1=2)',
    'Order(a b=1)',
    '({a=1}',
    '?a=2&b=3',
    'a=2',
    '?a: 1',
    'a:1',
    'xdata:{',
    'see <order>',
    'x{&quot;',
    'x{\\"',
    '[object Object]!',
    'order at position 99',
    'x at position 0',
    'Unexpected end',
    'Unterminated string',
    'Unexpected non-whitespace',
    'Bad control character',
    'Bad escape',
    '\u00a0{"a":1}',
  ])('counts as unknown, and no place is named: %j', (text) => {
    expect(faultOf(text)).toBe('its syntax is wrong');
  });
});

describe('several JSON texts in one', () => {
  const K = 1024;

  it('count in a text of up to 64 Ki characters', () => {
    const lines = (length: number) => `{"a":1}\n{"b":"${'x'.repeat(length - 16)}"}`;
    expect(lines(64 * K)).toHaveLength(64 * K);
    expect(faultOf(lines(64 * K))).toBe('it is 2 JSON texts, and each has to be a record of its own');
    expect(faultOf(lines(64 * K + 1))).toBe(`more stands behind its end, at character 9 of ${64 * K + 1}`);
  });

  it('count only if all of them are JSON', () => {
    expect(faultOf('{"a":1}\nx')).toBe('more stands behind its end, at character 9 of 9');
    expect(faultOf('x\n{"a":1}')).toBe('its syntax is wrong');
    expect(faultOf('{"a":1}{"a":}')).toMatch(/^more stands behind its end/);
  });
});

describe('a small fault', () => {
  const K = 1024;
  const filled = (text: string, length: number) => text.replace('~', 'x'.repeat(length - text.length + 1));

  it('counts in a text of up to 64 Ki characters', () => {
    expect(faultOf(filled('{"a":"~",}', 64 * K))).toBe('a comma stands before a closing bracket');
    expect(faultOf(filled('{"a":"~",}', 64 * K + 1))).toMatch(/^its syntax is wrong at character/);
  });

  it.each([
    '{"a":"\\"// x", /* b\nc */ "d":1} // end',
    '/* a */ {"a":1} /* b */',
    '/**/{}//',
    '// say "x"\n{"":1}//"',
    '{"a":"x\\\\" /* b */}',
  ])('names a comment: %j', (text) => {
    expect(faultOf(text)).toBe('comments stand in it');
  });

  it('names a comment in a text of up to 4 Ki characters', () => {
    expect(faultOf(filled('{"a":"~"}//', 4 * K))).toBe('comments stand in it');
    expect(faultOf(filled('{"a":"~"}//', 4 * K + 1))).toMatch(/^more stands behind its end/);
  });

  it('leaves a blank where the comment was', () => {
    expect(faultOf('[1/**/2]')).toBe('its syntax is wrong at character 3 of 8');
  });

  it.each(["{'a': 1}", "{  'a': 1}", "[{'a': 1}]", "[ { 'a': 1}]", "['a']", "[ 'a' ]"])(
    'names single quotes: %s',
    (text) => {
      expect(faultOf(text)).toBe("its texts stand in single quotes, as Python's print writes a dict");
    },
  );

  it.each(['{a:1}', '{  ab  : 1}', '{$ab_1$:2}', '{_a:1}'])('names what lacks its quotes: %s', (text) => {
    expect(faultOf(text)).toBe('its names stand without quotes');
  });

  it.each(["('a')", "({'a': 1})", '({a: 1})', '{1a:2}'])('names none of them: %s', (text) => {
    expect(faultOf(text)).toMatch(/^its syntax is wrong/);
  });

  it('counts its place from 1, with all digits', () => {
    const long = `{"a":"${'x'.repeat(200)}" 1}`;
    expect(faultOf(long)).toBe(`its syntax is wrong at character 209 of ${long.length}`);
    expect(faultOf(`{"a":"${'x'.repeat(200)}",\n"b" 2}`)).toBe('its syntax is wrong at character 214 of 215');
  });
});

describe('the first byte that is no UTF-8', () => {
  it.each(['\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}', '\u{10ffff}', 'a\u07ff\u0800\u{10000}'])(
    'stands behind %j',
    (before) => {
      const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0x80, 0x41])]);
      expect(utf8Fault(bytes)).toBe(
        `The value is not valid UTF-8 at byte ${bytes.length - 1} of ${bytes.length}.`,
      );
    },
  );

  it('begins a character that is cut off', () => {
    expect(utf8Fault(Buffer.from([0x41, 0xe2, 0x82]))).toBe('The value is not valid UTF-8 at byte 2 of 3.');
  });
});
