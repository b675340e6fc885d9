import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BASELINE_OCCURRED_AT_MS,
  EARLIEST_OCCURRED_AT_MS,
  isWithinBounds,
  LATEST_OCCURRED_AT_MS,
  parseRfc3339,
} from '../../src/core/time.ts';

describe('parseRfc3339', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2025-04-05T02:26:30.265Z', Date.UTC(2025, 3, 5, 2, 26, 30, 265)],
    ['2025-04-05t02:26:30.265z', Date.UTC(2025, 3, 5, 2, 26, 30, 265)],
    ['2025-04-05T02:26:30.2Z', Date.UTC(2025, 3, 5, 2, 26, 30, 200)],
    ['2025-04-05T02:26:30.26Z', Date.UTC(2025, 3, 5, 2, 26, 30, 260)],
    ['2025-04-05T02:26:30.265999999999999999Z', Date.UTC(2025, 3, 5, 2, 26, 30, 265)],
    [`2025-04-05T02:26:30.${'9'.repeat(1000)}Z`, Date.UTC(2025, 3, 5, 2, 26, 30, 999)],
    ['2025-04-05T07:56:30+05:30', Date.UTC(2025, 3, 5, 2, 26, 30)],
    ['2025-04-04T18:26:30-08:00', Date.UTC(2025, 3, 5, 2, 26, 30)],
    ['2025-04-05T02:26:30-00:00', Date.UTC(2025, 3, 5, 2, 26, 30)],
    ['2025-04-05T02:26:30+23:59', Date.UTC(2025, 3, 4, 2, 27, 30)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['1990-12-31T23:59:60Z', Date.UTC(1990, 11, 31, 23, 59, 59, 999)],
    ['1990-12-31T23:59:60.5Z', Date.UTC(1990, 11, 31, 23, 59, 59, 999)],
    ['1990-12-31T15:59:60-08:00', Date.UTC(1990, 11, 31, 23, 59, 59, 999)],
    ['1991-01-01T05:29:60+05:30', Date.UTC(1990, 11, 31, 23, 59, 59, 999)],
    ['1969-12-31T23:59:59.999Z', -1],
    ['1000-01-01T00:00:00Z', BASELINE_OCCURRED_AT_MS],
    ['9999-12-31T23:59:59.999Z', LATEST_OCCURRED_AT_MS - 1],
  ])('the time %s is read', (text, expected) => {
    expect(parseRfc3339(text)).toBe(expected);
  });

  it.each([
    '',
    'yesterday',
    '2025-04-05',
    '2025-04-05T02:26:30',
    '2025-04-05T02:26:30.265',
    '2025-04-05 02:26:30Z',
    '2025-04-05_02:26:30Z',
    '2025-04-05T02:26Z',
    '2025-04-05T02:26:30.Z',
    '2025-04-05T02:26:30,5Z',
    '2025-04-05T02:26:30ZZ',
    '2025-04-05T02:26:30Z ',
    ' 2025-04-05T02:26:30Z',
    '2025-04-05T02:26:30Z\n',
    '2025-04-05T02:26:30\u0000Z',
    '2025-04-05T02:26:30+5',
    '2025-04-05T02:26:30+053',
    '2025-04-05T02:26:30+0560',
    '2025-04-05T02:26:30+2400',
    '2025-04-05T02:26:30+24',
    '2025-04-05T02:26:30+05:3',
    '2025-04-05T02:26:30+05.30',
    '2025-04-05T02:26:30+00:00:00',
    '2025-04-05T02:26:30+24:00',
    '2025-04-05T02:26:30+05:60',
    '2025-04-05T02:26:30+5:300',
    '2025-04-05T02:26:30.5',
    '2025-4-05T02:26:30.0Z',
    '25-04-05T02:26:30.000Z',
    '+002025-04-05T02:26:30Z',
    '2025-00-05T02:26:30Z',
    '2025-13-05T02:26:30Z',
    '2025-04-00T02:26:30Z',
    '2025-04-31T02:26:30Z',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2025-04-05T24:00:00Z',
    '2025-04-05T02:60:00Z',
    '2025-04-05T02:26:60Z',
    '2025-04-05T02:26:61Z',
    '1990-12-31T23:59:60-08:00',
    '1990-12-31T22:59:60Z',
    '20 5-04-05T02:26:30Z',
    '2٠25-04-05T02:26:30Z',
    '2025-04-05T02:26:3-Z',
    '2025/04/05T02:26:30Z',
    '2025-04-05T02.26.30Z',
    'Sat, 05 Apr 2025 02:26:30 GMT',
  ])('the text %j is refused', (text) => {
    expect(parseRfc3339(text)).toBeNull();
  });

  it('a zone may be written without its colon or its minutes', () => {
    const inUtc = (zone: string) => parseRfc3339(`2025-04-05T02:26:30.5${zone}`);
    expect([inUtc('+0530'), inUtc('-0530')]).toEqual([inUtc('+05:30'), inUtc('-05:30')]);
    expect([inUtc('+05'), inUtc('-05')]).toEqual([inUtc('+05:00'), inUtc('-05:00')]);
    expect([inUtc('+0000'), inUtc('+00'), inUtc('-00')]).toEqual([inUtc('Z'), inUtc('Z'), inUtc('Z')]);
  });

  it('every day of the calendar is read, and every other day is refused', () => {
    const fourHundredYears = fc.record({
      year: fc.integer({ min: 1600, max: 2400 }),
      month: fc.integer({ min: 0, max: 13 }),
      day: fc.integer({ min: 0, max: 32 }),
    });
    const digits = (value: number, length: number) => String(value).padStart(length, '0');
    fc.assert(
      fc.property(fourHundredYears, ({ year, month, day }) => {
        const text = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T00:00:00Z`;
        const date = new Date(Date.UTC(year, month - 1, day));
        const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
        expect(parseRfc3339(text)).toBe(isDate ? date.getTime() : null);
      }),
      { numRuns: 5000 },
    );
  });

  it('every moment between the years 0 and 9999 is read back in any zone', () => {
    const moments = fc.integer({
      min: Date.parse('0000-01-02T00:00:00Z'),
      max: LATEST_OCCURRED_AT_MS - 86_400_001,
    });
    const offsets = fc.integer({ min: -1439, max: 1439 });
    fc.assert(
      fc.property(moments, offsets, (moment, offset) => {
        const local = new Date(moment + offset * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(offset);
        const zone = `${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
        expect(parseRfc3339(`${local}${offset < 0 ? '-' : '+'}${zone}`)).toBe(moment);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the bounds of time', () => {
  it('the bounds are 1970 and 9999, whatever the clock says', () => {
    expect(EARLIEST_OCCURRED_AT_MS).toBe(Date.parse('1970-01-01T00:00:00Z'));
    expect(LATEST_OCCURRED_AT_MS).toBe(Date.parse('9999-12-31T23:59:59.999Z') + 1);
    expect([-1, 0, LATEST_OCCURRED_AT_MS - 1, LATEST_OCCURRED_AT_MS].map(isWithinBounds)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('a baseline stands before every time that an event can have', () => {
    expect(BASELINE_OCCURRED_AT_MS).toBeLessThan(EARLIEST_OCCURRED_AT_MS);
    expect(new Date(BASELINE_OCCURRED_AT_MS).toISOString()).toBe('1000-01-01T00:00:00.000Z');
  });
});

describe('each place of a time', () => {
  it.each([
    '2025/04-05T02:26:30Z',
    '2025-04/05T02:26:30Z',
    '2025-04-05T02.26:30Z',
    '2025-04-05T02:26.30Z',
    '2025-04-05T0x:26:30Z',
    '2025-04-05T02:2x:30Z',
    ':025-04-05T02:26:30Z',
    '2025-04-05T02:26:30x05:30',
    '2025-04-05T02:26:30+05x30',
    '2025-04-05T02:26:30+05:30Z',
    '2025-04-05T02:26:30+0x:30',
    '2025-04-05T02:26:30+05:3x',
  ])('the text %s is refused for one character', (text) => {
    expect(parseRfc3339(text)).toBeNull();
  });
});
