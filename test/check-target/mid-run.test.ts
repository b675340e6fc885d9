import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CheckTargetOptions, checkTarget } from '../../src/check-target/index.ts';
import { parseVerdictRules } from '../../src/core/verdict-rules.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { startScriptedServer } from '../adapters/http-delivery/scripted-server.ts';
import { OPTION_NAMES } from './option-names.ts';
import { Receiver, SECRET, type State, startReceiver } from './receiver.ts';

let runs = 0;

async function check(url: string | URL, options: Partial<CheckTargetOptions> = {}) {
  const report = await checkTarget({
    url: new URL(url),
    keys: parseSigningKeys(SECRET, 'the secret'),
    runId: `mid-run${++runs}`,
    deadlineMs: 5_000,
    mustShow: false,
    optionNames: OPTION_NAMES,
    stop: new AbortController().signal,
    ...options,
  });
  const failed = report.checks.filter(({ verdict }) => verdict === 'fail');
  const seenBy = (name: string) => report.checks.find((line) => line.check === name)?.seen;
  return { ...report, failed, seenBy };
}

/** A right target that answers each request with the last word from this request on. */
class LostReceiver extends Receiver {
  readonly #from: number;
  readonly #lastWord: (request: IncomingMessage, response: ServerResponse) => void;
  #requests = 0;

  constructor(from: number, lastWord: LostReceiver['onLost']) {
    super();
    this.#from = from;
    this.#lastWord = lastWord;
  }

  onLost(request: IncomingMessage, response: ServerResponse): void {
    this.#lastWord(request, response);
  }

  override async onPost(...given: Parameters<Receiver['onPost']>) {
    if (++this.#requests >= this.#from) this.onLost(given[0], given[1]);
    else await super.onPost(...given);
  }
}

const answering = (status: number, headers: Record<string, string> = {}) =>
  new LostReceiver(9, (_request, response) => void response.writeHead(status, headers).end('{"m":"no"}'));

describe('check-target, at a target that is lost in the middle of the run', () => {
  it.each([
    ['a key that has expired', () => answering(401), 'authorization_wanted'],
    ['a key that is forbidden', () => answering(403), 'authorization_wanted'],
    ['a redirect', () => answering(307, { location: 'https://login.test/' }), 'redirects'],
    ['a limit of requests', () => answering(429, { 'retry-after': '0' }), 'throttled'],
  ] as const)('names %s once', async (_what, make, code) => {
    const { failed, checks } = await check(await startReceiver(make()));
    expect(failed.map((line) => line.code)).toEqual([code]);
    const others = checks.filter(
      ({ seen }) => seen === `its request met the same as that of ${failed[0]?.check}`,
    );
    expect(others.length).toBeGreaterThan(10);
  });

  it('names an address at which nothing listens any more once, with the time of its end', async () => {
    const server = await startScriptedServer((response, _request, number) => {
      if (number < 4) response.end('{}');
      else void server.close();
    });
    const { failed } = await check(server.url);
    expect(failed.map(({ code }) => code)).toEqual(['connection_broken']);
  });

  it('tells a refusal of one request from that of a key', async () => {
    const receiver = new (class extends Receiver {
      override async receive(...given: Parameters<Receiver['receive']>) {
        const { order_id } = given[0].state ?? {};
        return typeof order_id === 'string' && order_id.includes('extra-fields')
          ? { status: 403 }
          : super.receive(...given);
      }
    })();
    const { failed } = await check(await startReceiver(receiver));
    expect(failed.map(({ code }) => code)).toEqual(['extra_fields_refused']);
  });

  it('passes no check of signatures by a refusal of the key', async () => {
    const { checks } = await check(await startReceiver(answering(401)));
    const signed = checks.filter(({ check: name }) => /^signature|^timestamp/.test(name));
    expect(new Set(signed.map(({ verdict }) => verdict))).not.toContain('pass');
  });
});

it('check-target gets a new token once the target refuses the one that it has, as order-sync does', async () => {
  let given = 0;
  const endpoint = await startScriptedServer((response) => response.end(`{"access_token":"t${++given}"}`));
  onTestFinished(() => endpoint.close());
  const receiver = new (class extends Receiver {
    #requests = 0;
    override async onPost(...[request, response, body]: Parameters<Receiver['onPost']>) {
      const known = ++this.#requests < 9 ? 'Bearer t1' : 'Bearer t2';
      if (request.headers.authorization === known) await super.onPost(request, response, body);
      else response.writeHead(401).end();
    }
  })();
  const oauth = { tokenUrl: endpoint.url, clientId: 'a', clientSecret: 'b' };
  const { failed } = await check(await startReceiver(receiver), { reach: { oauth } });
  expect(failed).toEqual([]);
  expect(given).toBe(2);
});

/** A target that answers this status to a state that it holds already, or holds newer. */
function refusingStale(status: number, statusOfGarbage = 400) {
  return new (class extends Receiver {
    override async receive(...given: Parameters<Receiver['receive']>) {
      const [{ state }] = given;
      const held = this.orders.get(state?.order_id ?? '');
      if (held !== undefined && held.version >= state.version) return { status };
      const result = await super.receive(...given);
      return result.status === 400 ? { status: statusOfGarbage } : result;
    }
    override announcement = null;
    override applies(held: State | undefined, state: State) {
      return held === undefined || state.version > held.version;
    }
  })();
}

describe('check-target, at a target that refuses what it holds already', () => {
  it.each([400, 404, 409, 412, 418, 422])('names the rule that takes %i for delivered', async (status) => {
    const { seenBy } = await check(await startReceiver(refusingStale(status, 415)));
    expect(seenBy('duplicate')).toContain(
      `that the target has the state, set THE_VERDICTS=${status}=delivered`,
    );
    expect(seenBy('older_version')).toContain(
      `that the target has a newer state, set THE_VERDICTS=${status}=delivered`,
    );
  });

  it.each([403, 405])('says that no setting takes %i for delivered', async (status) => {
    const { seenBy } = await check(await startReceiver(refusingStale(status)));
    expect(seenBy('older_version')).toContain(`no setting makes ${status} count as delivered`);
  });

  it('warns if the same status answers bodies that are no states', async () => {
    const { seenBy } = await check(await startReceiver(refusingStale(422, 422)));
    expect(seenBy('older_version')).toContain(
      'a state that the target refuses by 422 then counts as delivered, too',
    );
  });

  it('finds nothing wrong once the rule is set', async () => {
    const { failed } = await check(await startReceiver(refusingStale(409)), {
      verdicts: parseVerdictRules('409=delivered'),
    });
    expect(failed).toEqual([]);
  });

  it('names the rule by which a refused body counts as delivered', async () => {
    const { failed, seenBy } = await check(await startReceiver(refusingStale(422, 422)), {
      verdicts: parseVerdictRules('422=delivered'),
    });
    expect(failed.map(({ code }) => code)).toEqual(['garbage_accepted']);
    expect(seenBy('garbage')).toContain('counts as delivered by THE_VERDICTS');
  });
});
