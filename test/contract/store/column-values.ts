import fc from 'fast-check';
import type { ViewRow } from '../../../src/core/domain.ts';
import { decimalText, jsonText, timestampText } from '../../../src/core/view-values.ts';

/** A property of any rows of the columns in `column-types.ts`. */
export function anyRows(
  check: (rows: readonly ViewRow[]) => Promise<void>,
): fc.IAsyncProperty<[readonly ViewRow[]]> {
  return fc.asyncProperty(fc.array(arbitraryRow(), { minLength: 1, maxLength: 40, size: 'max' }), check);
}

function arbitraryRow(): fc.Arbitrary<ViewRow> {
  const decimal = (precision: number, scale: number) =>
    fc
      .bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n })
      .map((unscaled) => decimalText(`${unscaled}e-${scale}`, { precision, scale }));
  const moment = fc
    .tuple(
      fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59Z'),
        noInvalidDate: true,
      }),
      fc.integer({ min: 0, max: 999 }),
    )
    .map(([date, micros]) =>
      timestampText(date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`)),
    );
  const json = fc.jsonValue().map((value) => jsonText(value as Parameters<typeof jsonText>[0]));
  const or = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null, freq: 8 });
  return fc.tuple(
    or(fc.string({ unit: 'grapheme', maxLength: 20, size: 'max' })),
    fc.boolean(),
    or(fc.maxSafeInteger()),
    or(decimal(12, 2)),
    or(decimal(65, 30)),
    or(decimal(18, 0)),
    or(moment),
    or(json),
  );
}
