import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasPackableHeaders,
  packRecords,
  recordBytes,
  unpackRecords,
} from '../../../../src/adapters/embedded-log/file/record-codec.ts';
import { bytesOf, newRecord, text } from '../../../contract/event-log-harness.ts';

const bytes = fc.option(fc.uint8Array({ maxLength: 40, size: 'max' }));
const record = fc.record({
  topic: fc.constant('t'),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), bytes), { maxLength: 5 }),
});
const all = {
  baseOffset: 0,
  timestampMs: 1,
  fromOffset: 0,
  maxRecords: 1e9,
  maxBytes: 1e9,
  atLeastOne: true,
};

describe('the packing of records', () => {
  it('packed records are unpacked unchanged, from any offset on', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20, size: 'max' }),
        fc.nat(19),
        (records, skip) => {
          const unpacked = unpackRecords(packRecords(records), {
            ...all,
            baseOffset: 100,
            recordCount: records.length,
            fromOffset: 100 + skip,
          });
          expect(unpacked.records.map(bytesOf)).toEqual(records.slice(skip).map(bytesOf));
          expect(unpacked.records.map(({ offset }) => Number(offset))).toEqual(
            records.map((_, i) => 100 + i).slice(skip),
          );
        },
      ),
    );
  });

  it('unpacking stops before the record that exceeds a limit, except for the first one if asked to', () => {
    const packed = packRecords(['a', 'b', 'c'].map((key) => newRecord('t', key, 'x'.repeat(100))));
    const options = { ...all, recordCount: 3 };
    expect(unpackRecords(packed, { ...options, maxRecords: 2 }).records).toHaveLength(2);
    expect(unpackRecords(packed, { ...options, maxBytes: 250 }).records).toHaveLength(2);
    expect(unpackRecords(packed, { ...options, maxBytes: 1 }).records).toHaveLength(1);
    expect(unpackRecords(packed, { ...options, maxBytes: 1, atLeastOne: false }).records).toHaveLength(0);
  });

  it('the size of a record counts the bytes of its key, its value, and the names and values of its headers', () => {
    const sizeOf = (key: string | null, value: string | null, headers: [string, Uint8Array | null][]) =>
      recordBytes({
        key: key === null ? null : text(key),
        value: value === null ? null : text(value),
        headers,
      });
    expect(sizeOf(null, null, [])).toBe(0);
    expect(sizeOf('\u00e9', 'abc', [])).toBe(5);
    expect(sizeOf('a', null, [['n\u00e9', text('xyz')]])).toBe(1 + 3 + 3);
    expect(sizeOf(null, 'a', [['name', null]])).toBe(1 + 4);
  });

  it('headers can be packed if they are at most 65,535, each with a name that fits', () => {
    const withNames = (...names: string[]) =>
      hasPackableHeaders(
        newRecord(
          't',
          'k',
          'v',
          names.map((name) => [name, null]),
        ),
      );
    expect(withNames('x'.repeat(21_845))).toBe(true);
    expect(withNames('a', 'x'.repeat(21_846))).toBe(false);
    expect(withNames(...Array.from({ length: 65_535 }, () => 'a'))).toBe(true);
    expect(withNames(...Array.from({ length: 65_536 }, () => 'a'))).toBe(false);
  });

  it('bytes that are cut off or have another format are refused', () => {
    const packed = packRecords([newRecord('t', 'k', 'v', [['name', text('value')]])]);
    const options = { ...all, recordCount: 1 };
    for (let length = 0; length < packed.length - 5; length += 1) {
      expect(() => unpackRecords(packed.subarray(0, length), options)).toThrow();
    }
    expect(() => unpackRecords(Buffer.concat([Buffer.of(9), packed.subarray(1)]), options)).toThrow(/format/);
  });
});
