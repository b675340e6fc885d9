import { describe, expect, it } from 'vitest';
import { isTicks, timeFault, timeThatIsNoText } from '../../../../src/pipeline/decode/forms/times.ts';

const START = 'at is not a date and time with zone by RFC 3339: ';

function faultOf(text: string): string {
  const { reason, detail } = timeFault(text, 'at');
  expect([reason, detail.slice(0, START.length), detail.at(-1)]).toEqual(['time_invalid', START, '.']);
  return detail.slice(START.length, -1);
}

function formOf(value: Parameters<typeof timeThatIsNoText>[0]): string {
  const { detail } = timeThatIsNoText(value, 'at');
  return (
    /^at is (.*), and not a date and time with zone by RFC 3339 as a text\.$/.exec(detail)?.[1] ?? detail
  );
}

describe('the ticks of .NET', () => {
  it('consist of 18 digits, and mean the years from 1990 to 2099', () => {
    expect(isTicks('627667488000000000')).toBe(true);
    expect(isTicks('627667487999999999')).toBe(false);
    expect(isTicks('662379551999999999')).toBe(true);
    expect(isTicks('662379552000000000')).toBe(false);
  });

  it.each(['638536975200000000.5', '-638536975200000000', '63853697520000000', '6385369752000000000', ''])(
    'exclude %j',
    (text) => {
      expect(isTicks(text)).toBe(false);
    },
  );
});

describe('the unit of a number', () => {
  it.each([
    [29_999_999, 'of no unit in which it is a time of our days'],
    [30_000_000, 'seconds since 1970'],
    [9_999_999_999, 'seconds since 1970'],
    [10_000_000_000, 'of no unit in which it is a time of our days'],
    [30_000_000_000, 'milliseconds since 1970'],
    [9_999_999_999_999, 'milliseconds since 1970'],
    [30_000_000_000_000, 'microseconds since 1970'],
    [30_000_000_000_000_000, 'nanoseconds since 1970'],
    [638_536_975_200_000_000, 'ticks of .NET, of 100 nanoseconds since the year 1'],
    [0, 'of no unit in which it is a time of our days'],
    [-1_718_000_000, 'of no unit in which it is a time of our days'],
  ])('%d has the unit: %s', (value, unit) => {
    expect(formOf(value)).toBe(`a number: ${unit}`);
    expect(faultOf(String(value))).toBe(`it is a number as a text: ${unit}`);
  });

  it.each([
    ['1718000000.25', 'seconds since 1970'],
    ['1.718e9', 'seconds since 1970'],
    ['1718E+9', 'milliseconds since 1970'],
    ['1718e09', 'milliseconds since 1970'],
  ])('%s as a text has the unit: %s', (text, unit) => {
    expect(faultOf(text)).toBe(`it is a number as a text: ${unit}`);
  });
});

describe('a time that is no text', () => {
  const PARTS = 'an array of year, month, day and so on, without a zone (as Jackson writes LocalDateTime)';
  const SECONDS =
    'an object of seconds and nanoseconds (the fields of the class, which the serializer knows no form for)';

  it.each([
    [[2024, 6, 10], PARTS],
    [[2024, 6, 10, 6, 13, 20, 5], PARTS],
    [[2024, 6, '10'], 'an array'],
    [[1_718_000_000, 5], 'an array of seconds and nanoseconds'],
    [[1_718_000_000, '5'], 'an array'],
    [[1_718_000_000], 'an array'],
    [[], 'an array'],
    [{ $date: 1 }, "an object, as MongoDB's extended JSON writes times"],
    [{ $timestamp: { t: 1 } }, "an object, as MongoDB's extended JSON writes times"],
    [{ seconds: 1, nanos: 2 }, SECONDS],
    [{ _seconds: 1 }, SECONDS],
    [{ nano: 1, epochSecond: 1 }, SECONDS],
    [{ second: 1 }, 'an object'],
    [true, 'a boolean'],
    [null, 'null'],
  ])('%j is: %s', (value, form) => {
    expect(formOf(value)).toBe(form);
    expect(timeThatIsNoText(value, 'at').reason).toBe('time_not_text');
  });
});

describe('a text that is no time by RFC 3339', () => {
  it.each([
    [
      'it is a date by RFC 1123 (as in HTTP and mail)',
      ['Sun, 1 Nov 2026 10:00:00 GMT', 'Sun, 01 Nov 2026 10:00'],
    ],
    [
      'it is a date in words, as Gson and older Java print it',
      ['Nov 1, 2026', 'September 21, 2026 3:04 PM', 'May 11, 2026, 3'],
    ],
    ['its date has an abbreviated month, as databases print it', ['1-Nov-26', '01-NOV-2026 10:00']],
    [
      'a day of the week stands before it, as by RFC 850',
      ['Sunday, 1-Nov-26 10', 'Wednesday, 01-Nov-26 10:00:00 GMT'],
    ],
    [
      'it is a date as C and Java print it, in words',
      ['Sun Nov 1 10:00:00 2026', 'Sun Nov 01 10:00:00 UTC 2026'],
    ],
    ["it is a time as .NET's older serializers write it", ['/Date(1)/', '/Date(-1+0100)/']],
    ['it is a date without a time', ['2026-11-01']],
    [
      'its hyphens and colons are missing (the basic format of ISO 8601)',
      ['20261101T100000Z', '20261101T10Z', '20261101Z', '20261101T100000.5Z'],
    ],
    ['day or month stand before the year', ['1.1.2026', '11/01/2026 10:00', '1/11.2026']],
    ['its date has other characters than hyphens', ['2026/11/01 10:00', '2026.1.1', '2026/1.12T10']],
    ['its year has more than four digits', ['+12026-01-01', '-002026-11-01T10:00:00Z', '+002026-11']],
    ['the text is empty', ['']],
    [
      'white space stands around it',
      [' 2026-11-01T10:00:00Z', '2026-11-01T10:00:00Z\n', `${' '.repeat(80)}2026-11-01T10:00:00Z`],
    ],
    ['the text is too long', ['x'.repeat(65), ' '.repeat(65)]],
  ])('gets the name of its form: %s', (fault, texts) => {
    expect(texts.map(faultOf)).toEqual(texts.map(() => fault));
  });

  it.each([
    'yesterday',
    ' yesterday ',
    'x'.repeat(64),
    'x1718000000',
    '1718x',
    '17.',
    '1718e',
    'xSun, 01 Nov 2026 10:00:00 GMT',
    'Sun, 01 Nov 26',
    'xNov 1, 2026',
    'Nov 1, 20261',
    'x1-Nov-26',
    '01-Nov-26x',
    'xSunday, 01-Nov-26',
    'xSun Nov 01 10:00',
    'Sun Nov 01',
    'x/Date(1)/',
    'x2026-11-01',
    '2026-11-01x',
    'x20261101T10',
    'x1.1.2026',
    'x2026/11/01',
    'x+002026-11-01',
    '+2026-11-01',
  ])('counts as of another form: %j', (text) => {
    expect(faultOf(text)).toBe('its form is another one');
  });
});

describe('the parts of a time', () => {
  const NO_ZONE = 'the time has no zone';
  const NO_DAY = 'there is no such day, or no such zone';

  it.each([
    ['2026-11-01 10:00:00Z', 'a blank stands where T belongs'],
    ['2026-11-01  10:00:00Z', 'a blank stands where T belongs'],
    ['2026-11-01T10:00:00', NO_ZONE],
    ['2026-11-01t10:00:00', NO_ZONE],
    ['2026-11-01T10:00Z', 'the seconds are missing'],
    ['2026-11-01T10:00:00,5Z', 'a comma stands before the fraction of the second instead of a point'],
    ['2026-11-01T10:00:00 Z', 'a blank stands before the zone'],
    ['2026-11-01T10:00:00UTC', 'the zone is a word instead of Z or an offset'],
    ['2026-11-01T10:00:00GMT', 'the zone is a word instead of Z or an offset'],
    ['2026-11-01T10:00:00CET', 'the zone is a name instead of Z or an offset'],
    ['2026-11-01T10:00:00[Europe/Berlin]', 'the zone is a name instead of Z or an offset'],
    ['2026-11-01T10:00:00Z[UTC]', "the zone's name stands behind its offset"],
    ['2026-11-01T10:00:00+01:00 CET', "the zone's name stands behind its offset"],
    ['2026-11-01T10:00:00+2', "the zone's hours have one digit"],
    ['2026-11-01T10:00:00+2:00', "the zone's hours have one digit"],
    ['2026-11-01T10:00:00+00:00:00', 'the zone has seconds'],
    ['2026-11-01T10:00:00-000000', 'the zone has seconds'],
    ['2026-11-01T24:00:00Z', 'the hour is 24'],
    ['2026-11-01T25:00:00Z', 'there is no such time of day'],
    ['2026-11-01T10:60:00Z', 'there is no such time of day'],
    ['2026-11-01T10:00:61Z', 'there is no such time of day'],
    ['2026-11-01T10:00:60Z', 'second 60 is not the last one of a day in UTC'],
    ['2026-02-30T23:59:59Z', NO_DAY],
    ['2026-11-01T10:00:00+99:00', NO_DAY],
    ['2026-11-01 10:00', `a blank stands where T belongs, and the seconds are missing, and ${NO_ZONE}`],
    [
      '2026-11-01 10:00:00,5 UTC',
      'a blank stands where T belongs, and a comma stands before the fraction of the second instead of a point, and a blank stands before the zone, and the zone is a word instead of Z or an offset',
    ],
  ])('of %s have the fault: %s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});
