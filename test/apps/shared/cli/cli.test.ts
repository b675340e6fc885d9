import { describe, expect, it } from 'vitest';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import type { CliSpec, CommandSpec } from '../../../../src/apps/shared/cli/spec.ts';
import { type ErrorCode, TributaryError } from '../../../../src/core/errors.ts';
import { type FakeHost, fakeHost } from './fake-host.ts';

type Run = CommandSpec<'order-sync'>['run'];

function program(run: Run): CliSpec<'order-sync'> {
  const examples = [
    ['order-sync work one', 'Do one thing'],
    ['order-sync work one --force', 'Do it at once'],
  ] as const;
  return {
    program: 'order-sync',
    summary: 'Works.',
    examples,
    commands: [
      {
        name: 'work',
        summary: 'Does the work.',
        examples,
        arguments: [['[things...]', 'What to work on.']],
        options: [['--force', 'At once.']],
        isDefault: true,
        run,
      },
    ],
  };
}

const succeed: Run = () => Promise.resolve(0);

async function run(host: FakeHost, work: Run = succeed): Promise<number> {
  return runCli(program(work), host);
}

describe('the command line', () => {
  it('hands arguments, options and settings to the command', async () => {
    const host = fakeHost(['one', 'two', '--force', '--lanes', '7'], { ORDER_SYNC_GROUP: 'mine' });
    let seen: object = {};
    const code = await run(host, async (context, input) => {
      seen = { ...input, lanes: context.settings.lanes, group: context.settings.group };
      return 5;
    });
    expect(code).toBe(5);
    expect(seen).toEqual({ arguments: ['one', 'two'], options: { force: true }, lanes: 7, group: 'mine' });
  });

  it('takes a boolean setting as a bare flag or with a value', async () => {
    const values: boolean[] = [];
    const note: Run = async (context) => {
      values.push(context.settings.deliver, context.settings.kafkaTls);
      return 0;
    };
    await run(fakeHost(['work', '--deliver', 'false', '--kafka-tls']), note);
    expect(values).toEqual([false, true]);
  });

  it('begins its help with examples', async () => {
    const host = fakeHost(['--help']);
    expect(await run(host)).toBe(0);
    expect(host.stdout.text).toMatch(/^Examples:\n {2}# Do one thing\n {2}order-sync work one\n/);
    expect(host.stderr.text).toBe('');
  });

  it('ends with 2 for a misspelt option and names the one that was meant', async () => {
    const host = fakeHost(['work', '--forse']);
    expect(await run(host)).toBe(2);
    expect(host.stderr.text).toBe("error: unknown option '--forse' (Did you mean --force?).\n");
    expect(host.stdout.text).toBe('');
  });

  it('ends with 3 and names every wrong setting', async () => {
    const host = fakeHost(['work'], { ORDER_SYNC_LANES: 'x', ORDER_SYNC_BACTH_EVENTS: '1' });
    expect(await run(host)).toBe(3);
    expect(host.stderr.text).toContain('did you mean ORDER_SYNC_BATCH_EVENTS?');
    expect(host.stderr.text).toContain('ORDER_SYNC_LANES is "x"');
  });

  it.each([
    ['usage', 2],
    ['log_unreachable', 4],
    ['topic_missing', 1],
  ] satisfies [ErrorCode, number][])('ends an error %s with %i and one sentence', async (code, exitCode) => {
    const host = fakeHost(['work']);
    const fail: Run = () => Promise.reject(new TributaryError(code, 'It went wrong: mend it.'));
    expect(await run(host, fail)).toBe(exitCode);
    expect(host.stderr.text).toBe('error: It went wrong: mend it.\n');
  });

  it('ends store_unreachable with 4, and names the setting if the message does not', async () => {
    for (const [message, hint] of [
      ['It went wrong: mend it.', ' Check that the server runs, and check DATABASE_URL.'],
      ['It went wrong: mend DATABASE_URL.', ''],
    ] as const) {
      const host = fakeHost(['work']);
      const fail: Run = () => Promise.reject(new TributaryError('store_unreachable', message));
      expect(await run(host, fail)).toBe(4);
      expect(host.stderr.text).toBe(`error: ${message}${hint}\n`);
    }
  });

  it('writes an error as one JSON problem if JSON was asked for', async () => {
    for (const words of [['--json'], ['-o', 'json'], ['--output=jsonl']]) {
      const host = fakeHost(['work', ...words]);
      await run(host, () => Promise.reject(new TributaryError('topic_missing', 'No topic: make it.')));
      expect(JSON.parse(host.stderr.text)).toEqual({
        type: 'docs/errors.md#topic_missing',
        title: 'topic_missing',
        detail: 'No topic: make it.',
        code: 'topic_missing',
        exitCode: 1,
      });
    }
  });

  it('shows the stack of a defect, without credentials', async () => {
    const host = fakeHost(['work']);
    const fail: Run = () => Promise.reject(new Error('cannot reach mysql://user:hush@db/events'));
    expect(await run(host, fail)).toBe(1);
    expect(host.stderr.text).toContain('at ');
    expect(host.stderr.text).toContain('@db/events');
    expect(host.stderr.text).not.toContain('hush');
  });

  it('calls a defect by its code, and gives its stack, where JSON was asked for', async () => {
    const host = fakeHost(['work', '--json']);
    expect(await run(host, () => Promise.reject(new TypeError('x is not a function')))).toBe(1);
    expect(JSON.parse(host.stderr.text)).toMatchObject({
      type: 'docs/errors.md#defect',
      code: 'defect',
      exitCode: 1,
      stack: expect.stringContaining('TypeError: x is not a function\n    at '),
    });
  });

  it('ends quietly when the reader of its output has closed the pipe', async () => {
    const host = fakeHost(['work']);
    await run(host, async () => {
      host.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return 0;
    });
    expect(host.exits).toEqual([0]);
    expect(host.stderr.text).toBe('');
  });
});

describe('the stop of a command', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('lets the work return after %s, closes its parts in reverse, and ends with %i', async (signal, code) => {
    const host = fakeHost(['work', '-q']);
    const closed: string[] = [];
    const serve: Run = async ({ shutdown }) => {
      shutdown.defer('first', () => void closed.push('first'));
      shutdown.defer('second', () => void closed.push('second'));
      host.signals.emit(signal);
      await shutdown.requested;
      closed.push('work');
      return 0;
    };
    expect(await run(host, serve)).toBe(code);
    expect(closed).toEqual(['work', 'second', 'first']);
  });

  it('tells an error of its own although a signal has come meanwhile, and no other error', async () => {
    const failed = async (error: Error) => {
      const host = fakeHost(['work']);
      const code = await run(host, async () => {
        host.signals.emit('SIGINT');
        throw error;
      });
      return [code, host.stderr.text.split('\n').filter((line) => line.startsWith('error: '))];
    };
    expect(await failed(new TributaryError('store_unreachable', 'No store: DATABASE_URL.'))).toEqual([
      4,
      ['error: No store: DATABASE_URL.'],
    ]);
    expect(await failed(new Error('aborted'))).toEqual([130, []]);
  });

  it.each([
    [[], 'info', true],
    [['--quiet'], 'error', false],
    [['--verbose'], 'debug', true],
    [['--quiet', '--verbose'], 'error', false],
  ])('logs and notes with the options %j as the level %s allows', async (flags, level, hasNote) => {
    const host = fakeHost(['work', ...flags]);
    await run(host, async ({ logger, note }) => {
      for (const each of ['debug', 'info', 'error'] as const) logger(each, `a line of ${each}`);
      note('A note.');
      return 0;
    });
    const shown = ['debug', 'info', 'error'].filter((each) => host.stderr.text.includes(`a line of ${each}`));
    expect(shown[0]).toBe(level);
    expect(host.stderr.text.includes('A note.')).toBe(hasNote);
  });

  it('closes the opened parts also when the work fails', async () => {
    const closed: string[] = [];
    const fail: Run = async ({ shutdown }) => {
      shutdown.defer('it', () => void closed.push('it'));
      throw new TributaryError('topic_missing', 'No topic.');
    };
    expect(await run(fakeHost(['work']), fail)).toBe(1);
    expect(closed).toEqual(['it']);
  });
});

describe('config show', () => {
  it('prints every setting with its source, and no secret', async () => {
    const env = { DATABASE_URL: 'mysql://user:hush@db/events', ORDER_SYNC_LANES: '8' };
    const host = fakeHost(['config', 'show', '--group', 'mine'], env);
    expect(await run(host)).toBe(0);
    expect(host.stdout.text).toMatch(/^ORDER_SYNC_LANES +8 +env \(ORDER_SYNC_LANES\)$/m);
    expect(host.stdout.text).toMatch(/^ORDER_SYNC_GROUP +mine +flag \(--group\)$/m);
    expect(host.stdout.text).toMatch(/^ORDER_SYNC_BATCH_EVENTS +4000 +default$/m);
    expect(host.stdout.text).not.toContain('hush');
  });

  it('prints the settings as JSON', async () => {
    const host = fakeHost(['config', 'show', '--json']);
    await run(host);
    expect(JSON.parse(host.stdout.text)).toContainEqual(
      expect.objectContaining({ name: 'ORDER_SYNC_LANES', value: '4', source: 'default' }),
    );
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('completes the commands and long options in %s', async (shell) => {
    const host = fakeHost(['completion', shell]);
    expect(await run(host)).toBe(0);
    for (const word of ['work', 'config', 'show', 'force', 'kafka-brokers'])
      expect(host.stdout.text).toContain(word);
  });

  it('suggests the shell that was meant', async () => {
    const host = fakeHost(['completion', 'zhs']);
    expect(await run(host)).toBe(2);
    expect(host.stderr.text).toContain('did you mean zsh?');
  });
});
