import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkTargetCommand } from '../../../../src/apps/order-sync/commands/check-target.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { Receiver, SECRET, startReceiver } from '../../../check-target/receiver.ts';
import { TestOrderMgt } from '../../order-mgt/fixture.ts';
import { type FakeHost, fakeHost } from '../../shared/cli/fake-host.ts';

describe('the command check-target', () => {
  async function run(host: FakeHost): Promise<number> {
    const spec = {
      program: 'order-sync',
      summary: 'Works.',
      examples: [],
      commands: [checkTargetCommand()],
    } as const;
    return runCli(spec, host);
  }

  it('prints a table and ends with 0 for a right target', async () => {
    const url = await startReceiver(new Receiver());
    const host = fakeHost(['check-target', url.href], { ORDER_SYNC_TARGET_SECRET: SECRET });
    expect(await run(host)).toBe(0);
    expect(host.stdout.text).toMatch(/^accepted +pass +200 in \d+ ms$/m);
    expect(host.stdout.text).toMatch(
      /\n31 passed, 0 failed, 0 warned, 0 not checked; test orders begin with check-target-[0-9a-f]{8}-\n$/,
    );
  });

  it('ends with 1 for a fault, and prints its code and its remedy', async () => {
    const url = await startReceiver(
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 200 };
        }
      })(),
    );
    const env = { ORDER_SYNC_TARGET_SECRET: SECRET };
    const table = fakeHost(['check-target', url.href], env);
    expect(await run(table)).toBe(1);
    expect(table.stdout.text).toMatch(
      /^payload_changed +FAIL +200 .*\n +-> payload_change_accepted: Keep a hash of the payload/m,
    );
    const json = fakeHost(['check-target', url.href, '--json'], env);
    expect(await run(json)).toBe(1);
    expect(JSON.parse(json.stdout.text)).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([
        {
          check: 'payload_changed',
          verdict: 'fail',
          code: 'payload_change_accepted',
          seen: expect.any(String),
          remedy: expect.any(String),
        },
        expect.objectContaining({ check: 'accepted', verdict: 'pass', code: null, remedy: null }),
      ]),
    });
  });

  it('takes a target without a read side, unless --read-side says that it has one', async () => {
    const url = await startReceiver(
      new (class extends Receiver {
        override onGet(...[, response]: Parameters<Receiver['onGet']>) {
          response.writeHead(404).end();
        }
      })(),
    );
    const shownFor = async (...flags: string[]) => {
      const argv = ['check-target', url.href, '--json', ...flags];
      const host = fakeHost(argv, { ORDER_SYNC_TARGET_SECRET: SECRET });
      const code = await run(host);
      const { checks } = JSON.parse(host.stdout.text) as { checks: { check: string; verdict: string }[] };
      return [code, checks.find(({ check }) => check === 'shown')?.verdict];
    };
    expect(await shownFor()).toEqual([0, 'not checked']);
    expect(await shownFor('--read-side')).toEqual([1, 'fail']);
  });

  it('takes secret and key from the environment or from files', async () => {
    const { key, entry } = makeApiKey('check', ['read']);
    const orderMgt = await new TestOrderMgt().start({ secret: SECRET, apiKeys: entry });
    const argv = ['check-target', `${orderMgt.url}/api/orders`, '--read-side'];
    const folder = mkdtempSync(join(tmpdir(), 'tributary-check-target-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const fileOf = (name: string, content: string) => {
      writeFileSync(join(folder, name), `${content}\n`);
      return join(folder, name);
    };
    for (const env of [
      { ORDER_SYNC_TARGET_SECRET: SECRET, ORDER_SYNC_TARGET_API_KEY: key },
      {
        ORDER_SYNC_TARGET_SECRET_FILE: fileOf('secret', SECRET),
        ORDER_SYNC_TARGET_API_KEY_FILE: fileOf('key', key),
      },
    ]) {
      const host = fakeHost(argv, env);
      expect(await run(host)).toBe(0);
      expect(host.stdout.text).toContain('31 passed, 0 failed, 0 warned, 0 not checked');
    }
  });

  it('ends with 4 if nobody answers', async () => {
    const host = fakeHost(['check-target', 'http://127.0.0.1:1/api/orders']);
    expect(await run(host)).toBe(4);
    expect(host.stdout.text).toContain('target_unreachable');
  });

  it.each([
    [['check-target']],
    [['check-target', 'localhost:3001']],
    [['check-target', 'ftp://localhost/']],
    [['check-target', 'http://localhost/', '--secret', 'guess']],
    [['check-target', 'http://localhost/', '--secret=guess']],
    [['check-target', 'http://localhost/', '--api-key', 'guess']],
    [['check-target', 'http://localhost/', '--api-key=guess']],
  ])('ends with 2 for %j and shows no secret', async (argv) => {
    const host = fakeHost(argv);
    expect(await run(host)).toBe(2);
    expect(host.stderr.text).not.toContain('guess');
  });

  it('says in its help that it leaves test orders behind', async () => {
    const host = fakeHost(['check-target', '--help']);
    expect(await run(host)).toBe(0);
    expect(host.stdout.text.replace(/\s+/g, ' ')).toContain('Leaves test orders behind');
  });

  it('prints the words of a target as one line without control characters', async () => {
    const url = await startReceiver(
      new (class extends Receiver {
        override async onPost(...[, response]: Parameters<Receiver['onPost']>) {
          response.writeHead(400).end('\u001b[31mred\r\naccepted  pass\u202e');
        }
      })(),
    );
    const host = fakeHost(['check-target', url.href]);
    expect(await run(host)).toBe(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters must not get through.
    expect(host.stdout.text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(host.stdout.text).not.toMatch(/^accepted +pass/m);
  });
});
