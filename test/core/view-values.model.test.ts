import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ViewColumn } from '../../src/core/domain.ts';
import { decimalText, jsonText, jsonTextOf, shownJson, valueFault } from '../../src/core/view-values.ts';
import { holds } from '../helpers/properties.ts';

const DATA: ViewColumn = { name: 'data', type: 'json' };

describe('decimalText', () => {
  it('writes every number that fits in one form, whatever notation it came in', () => {
    const form = { precision: 20, scale: 5 };
    const unscaled = fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n });
    holds(
      fc.property(unscaled, fc.integer({ min: 0, max: 9 }), (value, zeros) => {
        const text = decimalText(`${value}e-5`, form);
        expect(text).toMatch(/^-?(0|[1-9]\d*)\.\d{5}$/);
        expect(BigInt(text.replace('.', ''))).toBe(value);
        expect(decimalText(text, form)).toBe(text);
        expect(decimalText(`${text}${'0'.repeat(zeros)}`, form)).toBe(text);
        expect(decimalText(`${value}${'0'.repeat(zeros)}e-${5 + zeros}`, form)).toBe(text);
      }),
      300,
    );
  });
});

describe('jsonText', () => {
  it('gives a text that is its own canonical form, and that shows the same value', () => {
    holds(
      fc.property(fc.jsonValue(), (value) => {
        const text = jsonText(value as never);
        if (text === null) return;
        expect(valueFault(DATA, text)).toBeNull();
        expect(jsonTextOf(text)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(JSON.stringify(shownJson(DATA, text)))).toEqual(JSON.parse(text));
      }),
      300,
    );
  });
});
