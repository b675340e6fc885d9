import { describe, expect, it } from 'vitest';
import { parsePairs } from '../../../../src/apps/event-producer/codes.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import type { CliSpec, CommandSpec } from '../../../../src/apps/shared/cli/spec.ts';
import { unknownWord } from '../../../../src/apps/shared/cli/usage-errors.ts';
import { fakeHost } from './fake-host.ts';

const examples = [
  ['order-sync partitions', 'Look'],
  ['order-sync resume order_events/0', 'Go on'],
] as const;

function command(name: string, more: Partial<CommandSpec<'order-sync'>> = {}): CommandSpec<'order-sync'> {
  return { name, summary: `Does ${name}.`, examples, run: () => Promise.resolve(0), ...more };
}

const orderSync: CliSpec<'order-sync'> = {
  program: 'order-sync',
  summary: 'Works.',
  examples,
  commands: [
    command('run', { isDefault: true }),
    command('partitions'),
    command('resume', {
      arguments: [['<partition>', 'Which.']],
      options: [['--at <offset>', 'Where.']],
    }),
    command('make', { group: { name: 'keys', summary: 'Keys.' } }),
  ],
};

async function answerTo(argv: readonly string[], env: Record<string, string> = {}) {
  const host = fakeHost(argv, env);
  const code = await runCli(orderSync, host);
  return { code, stdout: host.stdout.text, stderr: host.stderr.text };
}

const BY_NPM = { npm_lifecycle_event: 'order-sync' };

describe('a wrong command line', () => {
  it.each([
    [['partitons'], 'unknown command "partitons": did you mean partitions? (order-sync partitions)'],
    [['partitons', '--json'], 'did you mean partitions?'],
    [['resum', 'order_events/3', '--at', 'earliest'], 'unknown command "resum": did you mean resume?'],
    [
      ['--lanes', '3', 'resum', 'order_events/3', '--at', '1'],
      'unknown command "resum": did you mean resume?',
    ],
    [['partitions', 'extra'], 'partitions takes no words after it: "extra" is too much'],
    [['resume', 'a', 'b'], 'resume takes 1 word after it: "b" is too much'],
    [['resume'], 'resume needs <partition> after it. See order-sync resume --help'],
    [['resume', 'a', '--at'], "the option '--at <offset>' has no value after it"],
    [['keys'], 'Name a command: keys make'],
    [['keys', 'mak'], 'did you mean keys make? (order-sync keys make)'],
    [['o', 'order123'], `unknown command "o": it is event-producer's: event-producer o`],
    [['send', 'file'], `it is event-producer's: event-producer send`],
    [['serve'], `it is order-mgt's: order-mgt serve`],
    [['order-mgt'], 'it is a program of its own: order-mgt --help'],
    [['start'], 'it is a program of its own: npm start'],
    [['publis'], 'did you mean event-producer publish?'],
    [['xyzzy'], 'unknown command "xyzzy": order-sync has run, status'],
    [
      ['--target-secret', 'hush'],
      'this has no option: set ORDER_SYNC_TARGET_SECRET, or ORDER_SYNC_TARGET_SECRET_FILE',
    ],
    [['--target-secret=hush\nhush'], 'this has no option: set ORDER_SYNC_TARGET_SECRET'],
    [['--some-secret=hush'], "unknown option '--some-secret'. See order-sync --help"],
    [['--secrets=hush hush'], "unknown option '--secrets'. See order-sync --help"],
    [['--order-sync-lanes', '3'], 'did you mean --lanes?'],
    [['--source', '/x'], `it is event-producer's: event-producer --source ..., or set EVENT_PRODUCER_SOURCE`],
    [['--lanse', '3'], "unknown option '--lanse' (Did you mean --lanes?)"],
  ])('gets for %j an answer that says what to type instead', async (argv, answer) => {
    const { code, stderr } = await answerTo(argv);
    expect(stderr).toContain(answer);
    expect(stderr).not.toContain('hush');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  it.each([
    [['partitons'], 'npm run order-sync -- partitions'],
    [['o', 'order123'], 'npm run event-producer -- o'],
    [['resume'], 'See npm run order-sync -- resume --help'],
  ])('gets for %j an answer with a command of npm if npm started the program', async (argv, answer) => {
    expect((await answerTo(argv, BY_NPM)).stderr).toContain(answer);
  });

  it('gets refused if npm kept an option, which the message names', async () => {
    const { code, stderr } = await answerTo(['partitions'], { ...BY_NPM, npm_config_data_dir: 'x' });
    expect(stderr).toContain('npm kept --data-dir for itself');
    expect(stderr).toContain('npm run order-sync -- partitions --data-dir');
    expect(code).toBe(2);
  });

  it('gets a note if npm kept --json, which may come from an .npmrc', async () => {
    const { code, stderr } = await answerTo(['partitions'], { ...BY_NPM, npm_config_json: 'true' });
    expect(stderr).toContain('npm run order-sync -- partitions --json');
    expect(code).toBe(0);
  });
});

describe('help and version', () => {
  it.each([[['help']], [['-h']], [['--help']], [['-help']], [['-?']]])(
    'shows the help for %j',
    async (argv) => {
      const { code, stdout, stderr } = await answerTo(argv);
      expect(stdout).toContain('Commands:');
      expect(stderr).toBe('');
      expect(code).toBe(0);
    },
  );

  it.each([[['help', 'resume']], [['resume', 'help']], [['resume', '-h']]])(
    'shows the help of the command for %j',
    async (argv) => {
      const { code, stdout } = await answerTo(argv);
      expect(stdout).toContain('--at <offset>');
      expect(code).toBe(0);
    },
  );

  it.each([[['version']], [['--version']], [['-V']]])('shows the version for %j', async (argv) => {
    const { code, stdout } = await answerTo(argv);
    expect(stdout).toMatch(/^order-sync \d+\.\d+\.\d+\n$/);
    expect(code).toBe(0);
  });
});

describe('wrong pairs of a code and an order id', () => {
  it.each([
    [['order123', 'o'], 'the code comes first: o order123'],
    [['o:order123'], 'code and order id are two words: o order123'],
    [['o order123'], 'code and order id are two words: o order123'],
    [['oo', 'order123'], 'did you mean o?'],
    [['paid', 'order123'], 'did you mean pad? The codes: o: order created; pa: payment authorised'],
    [['ORDER_CREATED', 'order123'], 'then an order id. The codes: o: order created'],
    [['o'], 'The code "o" has no order id after it'],
    [[], 'as in: event-producer o order123 pa order123. The codes: o: order created'],
  ])('answers %j with what to type instead', (words, answer) => {
    expect(() => parsePairs(words, ['send'])).toThrow(answer);
  });

  it('names the program that has the first word as a command', () => {
    const unknown = (word: string) => unknownWord('event-producer', word, {});
    expect(() => parsePairs(['partitions'], [], unknown)).toThrow(
      "it is order-sync's: order-sync partitions",
    );
  });
});
