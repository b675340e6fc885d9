import { describe, expect, it } from 'vitest';
import { reportError, wantsJson } from '../../../../src/apps/shared/cli/error-report.ts';
import type { ProgramName } from '../../../../src/apps/shared/settings/load.ts';
import { type ErrorCode, TributaryError } from '../../../../src/core/errors.ts';
import { fakeHost } from './fake-host.ts';

const KEY_URL = 'mysql://root:hunter2@db/x';

function reported(
  error: unknown,
  { argv = [] as string[], isJson = false, program = 'order-sync' as ProgramName } = {},
) {
  const host = fakeHost(argv);
  reportError(error, host, isJson, { program });
  return host.stderr.text;
}

describe('wantsJson', () => {
  it.each([
    [['--json']],
    [['run', '-o', 'json']],
    [['-ojson']],
    [['--output', 'jsonl']],
    [['--output=json']],
    [['-ojsonl', 'x']],
  ])('reads from %j that JSON is wanted', (argv) => {
    expect(wantsJson(argv)).toBe(true);
  });

  it.each([
    [[]],
    [['json']],
    [['-o', 'text']],
    [['-otext']],
    [['--output']],
    [['--output=text']],
    [['--jsonx']],
  ])('reads from %j that text is wanted', (argv) => {
    expect(wantsJson(argv)).toBe(false);
  });
});

describe('reportError', () => {
  it.each<[ProgramName, string]>([
    ['order-sync', 'check DATABASE_URL.'],
    ['order-mgt', 'check ORDER_MGT_DATABASE_URL.'],
  ])('names the setting of the database of %s', (program, hint) => {
    const error = new TributaryError('store_unreachable', 'The database does not answer.');
    expect(reported(error, { program })).toBe(
      `error: The database does not answer. Check that the server runs, and ${hint}\n`,
    );
  });

  it.each<[ErrorCode, string, string]>([
    ['log_unreachable', 'Kafka does not answer.', 'Kafka does not answer. Check that Kafka runs there'],
    ['log_unreachable', 'Kafka: check KAFKA_BROKERS.', 'Kafka: check KAFKA_BROKERS.\n'],
    ['log_unreachable', 'The file is locked.', 'The file is locked.\n'],
    ['store_unreachable', 'Correct DATABASE_URL.', 'Correct DATABASE_URL.\n'],
    ['store_unreachable', 'The sqlite file is locked.', 'The sqlite file is locked.\n'],
    ['usage', 'Give a name.', 'Give a name.\n'],
  ])('adds to %s "%s" only a hint that it lacks', (code, message, expected) => {
    const text = reported(new TributaryError(code, message));
    expect(text.slice(0, `error: ${expected}`.length)).toBe(`error: ${expected}`);
  });

  it('shows no credentials, neither in the message nor in the stack, as text or as JSON', () => {
    for (const isJson of [false, true]) {
      const text = reported(new Error(`cannot reach ${KEY_URL}`), { isJson });
      expect(text).toContain('cannot reach mysql://');
      expect(text).not.toContain('hunter2');
      expect(text).toContain('error-report.test.ts');
    }
  });

  it('shows the stack of an error of ours only if it is asked for, or if it is a defect', () => {
    const error = new TributaryError('usage', 'Give a name.');
    expect(reported(error)).not.toContain('    at ');
    expect(reported(error, { argv: ['-v'] })).toContain('    at ');
    expect(reported(error, { argv: ['--verbose'] })).toContain('    at ');
    expect(JSON.parse(reported(error, { isJson: true }))).toEqual({
      type: 'docs/errors.md#usage',
      title: 'usage',
      detail: 'Give a name.',
      code: 'usage',
      exitCode: 2,
    });
    const defect = JSON.parse(reported(new TypeError('x is no function'), { isJson: true }));
    expect(defect).toMatchObject({ code: 'defect', stack: expect.stringContaining('TypeError') });
    const coded = Object.assign(new Error('no'), { code: 'EIO' });
    expect(JSON.parse(reported(coded, { isJson: true }))).toMatchObject({ code: 'unexpected' });
    expect(reported('thrown')).toBe('error: thrown\nthrown\n');
  });
});
