import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonScanner } from '../../src/core/json-scan.ts';

function scan(json: string, maxDepth = 64) {
  const scanner = new JsonScanner(maxDepth);
  return { outcome: scanner.scan(Buffer.from(json)), scanner };
}

/** Counts names and nesting from the value itself; a repeated name is not in there. */
function measure(value: unknown): { members: number; depth: number } {
  if (typeof value !== 'object' || value === null) return { members: 0, depth: 0 };
  const inner = Object.values(value).map(measure);
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return {
    members: inner.reduce((sum, { members }) => sum + members, own),
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
  };
}

describe('JsonScanner', () => {
  it('members and depth are counted as the parsed value has them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, 2), (value, indent) => {
        const { members, depth } = measure(value);
        const json = JSON.stringify(value, null, indent);
        const { outcome, scanner } = scan(json, depth);
        expect(outcome).toBe('scanned');
        expect(scanner.memberCount).toBe(members);
        if (depth > 0) expect(scan(json, depth - 1).outcome).toBe('too_deep');
      }),
      { numRuns: 1000 },
    );
  });

  it('a name counts each time it stands there, and a text that looks like one does not', () => {
    expect(scan('{"a":1,"a":2,"\\u0061":3}').scanner.memberCount).toBe(3);
    expect(scan('{"a":":\\":{[","b":"\\\\"}').scanner.memberCount).toBe(2);
  });

  it.each([
    ['9007199254740991', false],
    ['-9007199254740991', false],
    ['9007199254740992', true],
    ['9007199254740993', true],
    ['-9007199254740992', true],
    ['123456789012345', false],
    ['1e400', true],
    ['-1E400', true],
    ['1e15', false],
    ['1e16', true],
    ['1.5e+300', true],
    ['1e-400', false],
    ['0.1234567890123456789', false],
    ['9007199254740991.5', true],
    [`1${'0'.repeat(400)}`, true],
    [`0.${'0'.repeat(400)}1`, false],
    ['"9007199254740993"', false],
  ])('the scanner knows whether %s is beyond exact counting', (json, expected) => {
    expect(scan(`{"a":[${json}]}`).scanner.hasHugeNumber).toBe(expected);
    expect(scan(json).scanner.hasHugeNumber).toBe(expected);
  });

  it('ASCII, escapes and plain texts are told apart, and nothing is left of the text before', () => {
    const scanner = new JsonScanner(64);
    const findings = (json: string) => {
      scanner.scan(Buffer.from(json));
      return [scanner.isAscii, scanner.hasEscapes, scanner.isPlain];
    };
    expect(findings('{"é":"\\n", "n":1e400}')).toEqual([false, true, false]);
    expect(findings('{"a":"b","n":12}')).toEqual([true, false, true]);
    expect(findings('{"a":"é"}')).toEqual([false, false, true]);
    expect(findings('{"a":"\\u0041"}')).toEqual([true, true, false]);
    expect(findings('{"a" :1}')).toEqual([true, false, false]);
    expect(findings('{"a":-1}')).toEqual([true, false, false]);
  });

  it('a scan of any bytes ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (bytes) => {
        expect(['scanned', 'too_deep']).toContain(new JsonScanner(3).scan(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('a depth bomb is stopped at the limit', () => {
    expect(scan('['.repeat(1_000_000)).outcome).toBe('too_deep');
    expect(scan(`${'['.repeat(64)}${']'.repeat(64)}`).outcome).toBe('scanned');
    expect(scan('{"a":'.repeat(65)).outcome).toBe('too_deep');
  });

  it('a text that is too deep leaves nothing of the text before', () => {
    const scanner = new JsonScanner(1);
    scanner.scan(Buffer.from('{"\u00e9":"\\n", "n":9007199254740993}'));
    expect(scanner.scan(Buffer.from('[[]]'))).toBe('too_deep');
    expect({ ...scanner }).toEqual({
      memberCount: 0,
      isAscii: true,
      hasEscapes: false,
      hasHugeNumber: false,
      isPlain: true,
    });
  });
});

describe('the bytes of a text', () => {
  it('a single byte beyond ASCII is noticed, and an escape at the end has no byte behind it', () => {
    const scanner = new JsonScanner(1);
    scanner.scan(new Uint8Array([0x80]));
    expect(scanner.isAscii).toBe(false);
    scanner.scan(Buffer.from('"\\'));
    expect([scanner.isAscii, scanner.hasEscapes]).toEqual([true, true]);
  });
});
