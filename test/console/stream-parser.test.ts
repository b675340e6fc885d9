import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamParser } from '../../console/src/api/stream-parser.ts';

const read = (...pieces: readonly string[]) => {
  const parser = new StreamParser();
  return { messages: pieces.flatMap((piece) => parser.feed(piece)), lastId: parser.lastId };
};

describe('StreamParser', () => {
  it('reads the type, the data and the id of a message', () => {
    expect(read('event: changes\nid: 7\ndata: {"a":1}\n\n')).toEqual({
      messages: [{ event: 'changes', data: '{"a":1}' }],
      lastId: '7',
    });
  });

  it('joins several lines of data, and calls a message without a type "message"', () => {
    expect(read('data: one\ndata:two\ndata\n\n').messages).toEqual([
      { event: 'message', data: 'one\ntwo\n' },
    ]);
  });

  it('leaves comments and unknown fields out', () => {
    expect(read(': still here\n\nretry: 1000\nother: x\ndata: a\n\n').messages).toEqual([
      { event: 'message', data: 'a' },
    ]);
  });

  it('keeps the id of a message without data, and shows no such message', () => {
    expect(read('id: 9\n\n')).toEqual({ messages: [], lastId: '9' });
  });

  it('ignores an id with a NUL', () => {
    expect(read('id: 1\n\nid: 2\0\ndata: a\n\n').lastId).toBe('1');
  });

  it('shows a message only after the blank line behind it', () => {
    expect(read('data: a\n').messages).toEqual([]);
    expect(read('data: a\n', '\n').messages).toHaveLength(1);
  });

  it('reads lines that end with CR, LF or both, and skips a byte order mark', () => {
    const expected = [{ event: 'x', data: 'a' }];
    expect(read('\u{feff}event: x\r\ndata: a\r\n\r\n').messages).toEqual(expected);
    expect(read('event: x\rdata: a\r\r').messages).toEqual(expected);
  });

  it('reads the same messages wherever the pieces are cut', () => {
    const text =
      'event: a\r\nid: 1\r\ndata: one\r\ndata: two\r\n\r\n: note\n\nevent: b\rdata: é😀\r\rdata: last\n\n';
    const whole = read(text);
    expect(whole.messages).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 12, size: 'max' }), (cuts) => {
        const places = [0, ...cuts.sort((left, right) => left - right), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(read(...pieces)).toEqual(whole);
      }),
    );
  });
});
