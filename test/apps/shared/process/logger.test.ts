import { describe, expect, it } from 'vitest';
import { createLogger, hasColor, type LoggerOptions } from '../../../../src/apps/shared/process/logger.ts';
import { Collector } from '../cli/fake-host.ts';

function logger(options: Partial<LoggerOptions> = {}) {
  const stream = new Collector();
  const log = createLogger({
    program: 'order-sync',
    level: 'info',
    stream,
    isPretty: false,
    hasColor: false,
    ...options,
  });
  return { log, stream };
}

describe.each([true, false])('a log line (for people: %s)', (isPretty) => {
  it('stays one line, whatever text it gets', () => {
    const { log, stream } = logger({ isPretty });
    log('info', 'first\nsecond', { orderId: 'a\n{"level":"error"}\u001b[31m' });
    expect(stream.text.split('\n')).toHaveLength(2);
    expect(stream.text).not.toContain('\u001b');
  });

  it('never shows secrets', () => {
    const { log, stream } = logger({ isPretty });
    log('error', `cannot reach mysql://user:hush@db/events by Bearer trb_${'hush'.repeat(11).slice(1)}`, {
      password: 'hush',
      targetSecret: 'hush',
      authorization: 'Bearer hush',
      detail: 'signed by whsec_aHVzaGh1c2g=, asked with key%3Dtrb_hush_hush',
      url: 'https://key:hush@target/',
      two: 'mysql://user:hu@hush@db/events',
    });
    expect(stream.text).not.toMatch(/hush|aHVzaGh1c2g/);
    expect(stream.text).toContain('@db/events');
  });

  it('keeps every digit of an offset', () => {
    const { log, stream } = logger({ isPretty });
    log('info', 'read', { offset: 9_007_199_254_740_993n });
    expect(stream.text).toContain('9007199254740993');
  });

  it('leaves lines below the level out', () => {
    const { log, stream } = logger({ isPretty, level: 'warn' });
    log('info', 'not this');
    log('warn', 'but this');
    expect(stream.text).not.toContain('not this');
    expect(stream.text).toContain('but this');
  });
});

it('the logger writes JSON with level and time as words if no person reads it', () => {
  const { log, stream } = logger();
  log('warn', 'slow', { partition: 3 });
  expect(JSON.parse(stream.text)).toMatchObject({
    level: 'warn',
    program: 'order-sync',
    msg: 'slow',
    partition: 3,
  });
  expect(JSON.parse(stream.text).time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

it('hasColor lets NO_COLOR and FORCE_COLOR decide before the terminal', () => {
  const unset = { noColor: undefined, forceColor: undefined };
  expect(hasColor({ isTTY: true }, unset)).toBe(true);
  expect(hasColor({}, unset)).toBe(false);
  expect(hasColor({ isTTY: true }, { ...unset, noColor: '1' })).toBe(false);
  expect(hasColor({}, { ...unset, forceColor: '1' })).toBe(true);
  expect(hasColor({ isTTY: true }, { ...unset, forceColor: '0' })).toBe(false);
  expect(hasColor({}, { noColor: '1', forceColor: '1' })).toBe(false);
});
