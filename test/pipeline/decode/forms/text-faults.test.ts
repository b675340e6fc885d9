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

describe('textFault', () => {
  it.each([
    ['{"a":1}\n{"a":2}\n', 2],
    ['{"a":1}\r\n\r\n{"a":2}\r\n{"a":3}', 3],
    ['{"a":1}{"a":2}', 2],
    ['{"a":1} {"a":2}', 2],
    ['1\n2', 2],
  ])('counts the JSON texts in %j', (text, count) => {
    expect(faultOf(text)).toBe(`it is ${count} JSON texts, and each has to be a record of its own`);
  });

  it.each([
    ['{"a":NaN}', 'NaN or Infinity stands where a number belongs'],
    ['{"a":[1,-Infinity]}', 'NaN or Infinity stands where a number belongs'],
    ['{"a":None}', "undefined, or Python's None, True or False, stands as a value"],
    ['{"a":1,}', 'a comma stands before a closing bracket'],
    ['{"a":-007}', 'a number begins with zeros'],
    ['{"a":"//", /* one */ "b":1} // two', 'comments stand in it'],
    ["{'a': 1}", "its texts stand in single quotes, as Python's print writes a dict"],
    ['{a: 1}', 'its names stand without quotes'],
  ])('names the only fault of %s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it.each([
    ['{"a" 1}', 'its syntax is wrong at character 6 of 7'],
    ['{"a":1} x', 'more stands behind its end, at character 9 of 9'],
    [
      '{"a":"\t"}',
      'a line feed, a tab or another control character stands in a text without its escape, at character 7 of 9',
    ],
    ['{"a":"\\x"}', 'an escape in a text is none that JSON knows, at character 8 of 10'],
    ['{"a":"x', 'it ends in the middle, so it was cut off'],
    ['{"a":1', 'it ends in the middle, so it was cut off'],
    ['{"a":1  ', 'it ends in the middle, so it was cut off'],
    [' \n', 'it is white space alone'],
  ])('names the kind and the place of the fault of %j, counted from 1', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it('quotes nothing of the text', () => {
    for (const text of ['{"secret" hunter2}', '{"a":hunter2}', 'hunter2'])
      expect(faultOf(text)).not.toContain('hunter2');
  });
});

describe('utf8Fault', () => {
  it.each([
    ['one byte', 'a', 2],
    ['two bytes', '\u00e9', 3],
    ['three bytes', '\u20ac', 4],
    ['four bytes', '\u{1f69a}', 5],
    ['a character of each length', 'a\u00e9\u20ac\u{1f69a}', 11],
  ])('names the byte behind a character of %s', (_, before, byte) => {
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0x41, 0x41, 0x41])]);
    expect(utf8Fault(bytes)).toBe(`The value is not valid UTF-8 at byte ${byte} of ${bytes.length}.`);
  });

  it('says that the bytes are JSON with one byte for each character', () => {
    const bytes = Buffer.from('{"a":"\u00e9"}', 'latin1');
    expect(utf8Fault(bytes)).toBe(
      'The value is not valid UTF-8 at byte 7 of 9. Read with one byte for each character (ISO 8859-1, Windows-1252) it is JSON.',
    );
  });
});
