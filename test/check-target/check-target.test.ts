import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeApiKey } from '../../src/apps/shared/http/api-keys.ts';
import { offerIn } from '../../src/check-target/checks/delivery-batches.ts';
import { FAULTS, type FaultCode } from '../../src/check-target/faults.ts';
import { CHECKS, type CheckedLine, checkTarget } from '../../src/check-target/run.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { TestOrderMgt } from '../apps/order-mgt/fixture.ts';
import { OPTION_NAMES } from './option-names.ts';
import { Receiver, SECRET, startReceiver } from './receiver.ts';
import { SLOPPY_RECEIVERS } from './sloppy-receivers.ts';
import { WRONG_WITH_MANY } from './wrong-with-many.ts';
import { WRONG_WITH_SIGNATURES } from './wrong-with-signatures.ts';
import { WRONG_WITH_STATES } from './wrong-with-states.ts';

const WRONG_RECEIVERS = [...WRONG_WITH_SIGNATURES, ...WRONG_WITH_STATES, ...WRONG_WITH_MANY];

let runs = 0;

function check(
  url: URL,
  options: { secret?: string; apiKey?: string; mustShow?: boolean; deadlineMs?: number } = {},
) {
  return checkTarget({
    url,
    keys: parseSigningKeys(options.secret ?? SECRET, 'the secret'),
    reach: { apiKey: options.apiKey },
    runId: `test${++runs}`,
    deadlineMs: options.deadlineMs ?? 5_000,
    mustShow: options.mustShow ?? false,
    optionNames: OPTION_NAMES,
    stop: new AbortController().signal,
  });
}

function codesOf(checks: readonly CheckedLine[], verdict: 'fail' | 'warn'): (FaultCode | null)[] {
  return checks.filter((line) => line.verdict === verdict).map(({ code }) => code);
}

const notPassed = (checks: readonly CheckedLine[]) => checks.filter(({ verdict }) => verdict !== 'pass');

describe('check-target', () => {
  it('finds no fault at a right target, and leaves nothing unchecked', async () => {
    const receiver = new Receiver();
    const report = await check(await startReceiver(receiver));
    expect(notPassed(report.checks)).toEqual([]);
    expect(report.checks.map(({ check: name }) => name)).toEqual(CHECKS.map(({ name }) => name));
    expect(report).toMatchObject({ ok: true, isReached: true });
    expect([...receiver.orders.keys()].every((id) => id.startsWith(report.orderIdPrefix))).toBe(true);
  });

  it('passes again at the same target', async () => {
    const url = await startReceiver(new Receiver());
    await check(url);
    expect(notPassed((await check(url)).checks)).toEqual([]);
  });

  it('finds no fault at order-mgt', async () => {
    const orderMgt = await new TestOrderMgt().start({ secret: SECRET });
    const { checks, ok } = await check(new URL(`${orderMgt.url}/api/orders`), { mustShow: true });
    expect(ok).toBe(true);
    expect(codesOf(checks, 'warn')).toEqual([]);

    expect(notPassed(checks)).toEqual([]);
  });

  it('sends its API key with every request', async () => {
    const apiKey = 'a.key';
    const receiver = new (class extends Receiver {
      readonly seen = new Set<string>();
      override async onPost(...given: Parameters<Receiver['onPost']>) {
        this.seen.add(`POST ${given[0].headers.authorization}`);
        return super.onPost(...given);
      }
      override onGet: Receiver['onGet'] = (request, response) => {
        this.seen.add(`GET ${request.headers.authorization}`);
        super.onGet(request, response);
      };
    })();
    const { checks } = await check(await startReceiver(receiver), { apiKey, mustShow: true });
    expect(notPassed(checks)).toEqual([]);
    expect([...receiver.seen].sort()).toEqual(['GET Bearer a.key', 'POST Bearer a.key']);
  });

  it('finds no fault at an order-mgt with keys, and names the missing option without a key', async () => {
    const { key: apiKey, entry } = makeApiKey('check', ['read']);
    const orderMgt = await new TestOrderMgt().start({ secret: SECRET, apiKeys: entry });
    const url = new URL(`${orderMgt.url}/api/orders`);
    expect(notPassed((await check(url, { apiKey, mustShow: true })).checks)).toEqual([]);
    for (const wrong of [undefined, 'another']) {
      const { checks, ok } = await check(url, wrong === undefined ? {} : { apiKey: wrong });
      expect(ok).toBe(true);
      expect(checks.find(({ check: name }) => name === 'shown')).toMatchObject({
        verdict: 'not checked',
        seen: expect.stringMatching(/is refused \(set THE_API_KEY .*: 401 /),
      });
    }
  });

  it.each(WRONG_RECEIVERS)(
    'names the fault of a target that %s, and no other',
    async (_what, make, codes) => {
      const report = await check(await startReceiver(make()), { mustShow: true, deadlineMs: 1_000 });
      const failed = report.checks.filter(({ verdict }) => verdict === 'fail');
      expect(new Set(codesOf(report.checks, 'fail')), JSON.stringify(failed)).toEqual(new Set(codes));
      expect(report).toMatchObject({ ok: false, isReached: true });
      for (const { code, remedy } of failed) expect(remedy).toBe(FAULTS[code as FaultCode].remedy);
    },
  );

  it.each(SLOPPY_RECEIVERS)('warns about a target that %s, and passes it', async (_what, make, codes) => {
    const report = await check(await startReceiver(make()), { deadlineMs: 1_000 });
    expect(codesOf(report.checks, 'fail'), JSON.stringify(notPassed(report.checks))).toEqual([]);
    expect(new Set(codesOf(report.checks, 'warn'))).toEqual(new Set(codes));
    expect(report.ok).toBe(true);
  });

  it('says which checks were left out, without a secret and without a read side', async () => {
    const receiver = new (class extends Receiver {
      override announcement = null;
      override isTrusted() {
        return true;
      }
      override onGet: Receiver['onGet'] = (_request, response) => void response.writeHead(404).end();
      override receipt() {
        return { status: 204 };
      }
    })();
    const { checks, ok } = await check(await startReceiver(receiver), { secret: '' });
    expect(ok).toBe(true);
    const unchecked = checks
      .filter(({ verdict }) => verdict === 'not checked')
      .map(({ check: name }) => name);
    expect(unchecked).toEqual([
      'shown',
      ...CHECKS.filter(({ needsSecret, name }) => needsSecret && name !== 'batch_signature').map(
        ({ name }) => name,
      ),
      'duplicate',
      'duplicate_after_newer',
      'older_version',
      'equal_version',
      'versions_at_once',
      'ids_distinct',
      'batch_announced',
      'batch_verdicts',
      'batch_mixed',
      'batch_signature',
      'list',
      'digest',
    ]);
  });

  it('sees effects in the receipts if there is no read side', async () => {
    const receiver = (applies: boolean) =>
      new (class extends Receiver {
        override onGet: Receiver['onGet'] = (_request, response) => void response.writeHead(405).end();
        override applies(held: Parameters<Receiver['applies']>[0], state: { version: number }) {
          return applies || held === undefined || state.version > held.version;
        }
      })();
    const right = await check(await startReceiver(receiver(false)));
    expect(codesOf(right.checks, 'fail')).toEqual([]);
    expect(right.checks.find(({ check: name }) => name === 'older_version')?.seen).toContain(
      'by the receipt',
    );
    const wrong = await check(await startReceiver(receiver(true)));
    expect(codesOf(wrong.checks, 'fail')).toEqual(['older_version_won']);
  });

  it('asks for the secret if the target needs signatures and there is no secret', async () => {
    const { checks } = await check(await startReceiver(new Receiver()), { secret: '' });
    expect(codesOf(checks, 'fail')).toEqual(['secret_wanted']);
    expect(checks[0]?.seen).toMatch(/^401.*, and THE_SECRET is not set$/);
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    const mistaken = await check(await startReceiver(new Receiver()), { secret: other });
    expect(codesOf(mistaken.checks, 'fail')).toEqual(['right_signature_refused']);
  });

  it('waits for a target that asks for fewer requests', async () => {
    const receiver = new (class extends Receiver {
      readonly #asked = new Set<unknown>();
      override async onPost(...given: Parameters<Receiver['onPost']>) {
        const [{ headers }, response] = given;
        const id = headers['webhook-id'];
        if (this.#asked.has(id)) return super.onPost(...given);
        this.#asked.add(id);
        response.writeHead(429, { 'retry-after': '0' }).end();
      }
    })();
    const { checks } = await check(await startReceiver(receiver));
    expect(codesOf(checks, 'fail')).toEqual([]);
  });

  it('comes again only after the time that a target asks it to wait', async () => {
    const receiver = new (class extends Receiver {
      readonly atMs: number[] = [];
      override async onPost(...given: Parameters<Receiver['onPost']>) {
        this.atMs.push(performance.now());
        if (this.atMs.length > 1) return super.onPost(...given);
        given[1].writeHead(503, { 'retry-after': '1' }).end();
      }
    })();
    await check(await startReceiver(receiver));
    const [first = 0, second = 0] = receiver.atMs;
    expect(second - first).toBeGreaterThan(990);
  });

  it('sends delivery batches to the path that the latest answer announced', async () => {
    const receiver = new (class extends Receiver {
      override async onPost(...given: Parameters<Receiver['onPost']>) {
        const { announcement } = this;
        if (this.orders.size === 0) this.announcement = '500;path="/api/orders/moved"';
        await super.onPost(...given);
        this.announcement = announcement;
      }
    })();
    const { checks } = await check(await startReceiver(receiver));
    expect(notPassed(checks)).toEqual([]);
  });
});

it('check-target finds every fault that it can name at some receiver', () => {
  // These faults depend on the given URL and secret. Other tests find them.
  const foundElsewhere = [
    'target_unreachable',
    'secret_wanted',
    'right_signature_refused',
    'authorization_wanted',
    'client_certificate_wanted',
    'authority_unknown',
    'certificate_invalid',
    'proxy_in_the_way',
  ];
  const found = [...WRONG_RECEIVERS, ...SLOPPY_RECEIVERS].flatMap(([, , codes]) => codes);
  expect(new Set([...found, ...foundElsewhere])).toEqual(new Set(Object.keys(FAULTS)));
});

describe('the announcement of delivery batches', () => {
  it.each([
    ['500;path="/api/orders/batch"', { statesMax: 500, path: '/api/orders/batch' }],
    ['500;path="batch"', { statesMax: 500, path: 'batch' }],
    ['1; max-age=3; path="/b?key=a;b"', { statesMax: 1, path: '/b?key=a;b' }],
    ['500', null],
    ['0;path="/b"', null],
    ['500;path=/b', null],
    ['500;path="a blank"', null],
    ['500;path="//host/b"', null],
    ['500;path="https://host/b"', null],
    ['many;path="/b"', null],
  ])('offerIn reads the header %s', (header, offer) => {
    expect(offerIn(header)).toEqual(offer);
  });
});

describe('docs/being-a-target.md', () => {
  const page = readFileSync(new URL('../../docs/being-a-target.md', import.meta.url), 'utf8');

  it('lists every code of a fault with its verdict and its remedy, and no other code', () => {
    const rows = [...page.matchAll(/^\| `([a-z0-9_]+)` \| (fail|warn) \| (.*) \|$/gm)].map(
      ([, code, severity, remedy]) => [code, { severity, remedy }],
    );
    expect(Object.fromEntries(rows)).toEqual(FAULTS);
  });
});
