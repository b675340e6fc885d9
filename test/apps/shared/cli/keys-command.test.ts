import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { keysMakeCommand } from '../../../../src/apps/shared/cli/keys-command.ts';
import type { ApiProgram } from '../../../../src/apps/shared/http/api-keys.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { fakeHost } from './fake-host.ts';

const SETTINGS = { 'order-sync': 'ORDER_SYNC_API_KEYS', 'order-mgt': 'ORDER_MGT_API_KEYS' } as const;

async function run<Program extends ApiProgram>(program: Program, ...argv: string[]) {
  const host = fakeHost(argv);
  const code = await runCli(
    {
      program,
      summary: 'Works.',
      examples: [],
      commands: [keysMakeCommand<Program>(program, SETTINGS[program])],
    },
    host,
  );
  return { code, out: host.stdout.text, error: host.stderr.text };
}

describe('keys make', () => {
  it('prints the key and its entry to stdout, and the next steps to stderr, without the key', async () => {
    const { code, out, error } = await run(
      'order-sync',
      'keys',
      'make',
      '--name',
      'ops',
      '--scope',
      'operate,read',
    );
    expect(code).toBe(0);
    const [, key = '', hash] =
      /^key {4}(trb_[\w-]{43})\nentry {2}ops:read,operate:([0-9a-f]{64})\n$/.exec(out) ?? [];
    expect(hash).toBe(createHash('sha256').update(key).digest('hex'));
    expect(error).toContain('ORDER_SYNC_API_KEYS');
    expect(error).not.toContain(key.slice(4));
  });

  it.each(['order-sync', 'order-mgt'] as const)(
    'makes for %s an entry that its setting takes',
    async (program) => {
      const { code, out } = await run(program, 'keys', 'make', '--name', 'dashboard', '--json');
      expect(code).toBe(0);
      const made = JSON.parse(out);
      expect(made).toMatchObject({ name: 'dashboard', scopes: ['read'], setting: SETTINGS[program] });
      const { values } = loadSettings(program, { env: { [made.setting]: made.entry } });
      expect(values).toMatchObject({ apiKeys: made.entry });
    },
  );

  it.each([
    ['order-sync', []],
    ['order-sync', ['--name', 'Ops']],
    ['order-sync', ['--name', '']],
    ['order-sync', ['--name', 'ops', '--scope', '']],
    ['order-sync', ['--name', 'ops', '--scope', 'read,write']],
    ['order-mgt', ['--name', 'ops', '--scope', 'operate']],
  ] as const)('of %s refuses %j and makes nothing', async (program, argv) => {
    expect(await run(program, 'keys', 'make', ...argv)).toMatchObject({
      code: 2,
      out: '',
      error: expect.stringMatching(/--(name|scope)/),
    });
  });

  it('stands in its group, whose help also begins with examples', async () => {
    const group = await run('order-sync', 'keys', '--help');
    expect(group).toMatchObject({ code: 0, out: expect.stringMatching(/^Examples:\n/) });
    expect(group.out).toMatch(/^ {2}make /m);
    expect(await run('order-sync', 'keys')).toMatchObject({ code: 2, out: '' });
    expect((await run('order-sync', 'keys', 'mak')).error).toContain('did you mean keys make?');
  });
});
