import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { checkTarget } from '../../src/check-target/index.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { OPTION_NAMES } from './option-names.ts';
import { type Delivery, Receiver, SECRET, type State, startReceiver } from './receiver.ts';

async function checked(receiver: Receiver, more: Partial<Parameters<typeof checkTarget>[0]> = {}) {
  return checkTarget({
    url: await startReceiver(receiver),
    keys: parseSigningKeys(SECRET, 'the secret'),
    deadlineMs: 5_000,
    mustShow: false,
    optionNames: OPTION_NAMES,
    stop: new AbortController().signal,
    ...more,
  });
}

/** A target that answers every request in the same way. */
function answering(status: number, body: string, headers: Record<string, string> = {}): Receiver {
  return new (class extends Receiver {
    override async onPost(_request: never, response: ServerResponse) {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    }
    override onGet(_request: never, response: ServerResponse) {
      response.writeHead(404).end();
    }
  })();
}

describe('a target whose later answers are wrong', () => {
  it('names another delivery in its second answer for an order alone, and fails', async () => {
    const versions = new Map<string, number>();
    const { checks } = await checked(
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          const result = await super.receive(delivery);
          const id = delivery.state?.order_id ?? '';
          versions.set(id, (versions.get(id) ?? 0) + 1);
          const isSecond = id.endsWith('answer-named') && versions.get(id) === 2;
          return isSecond ? { ...result, delivery_id: 'msg_another' } : result;
        }
      })(),
    );
    expect(checks.find(({ check }) => check === 'answer_named')).toMatchObject({ code: 'delivery_id_wrong' });
  });

  it('cuts ids below 255 bytes, and fails', async () => {
    const { checks } = await checked(
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          const isLong = Buffer.byteLength(String(delivery.state?.order_id ?? '')) >= 255;
          return isLong ? { status: 400 } : super.receive(delivery);
        }
      })(),
    );
    expect(checks.find(({ check }) => check === 'id_of_255_bytes')).toMatchObject({ code: 'id_refused' });
  });

  it('overwrites the order of an id that looks alike, and fails', async () => {
    const { checks } = await checked(
      new (class extends Receiver {
        override async store(state: State) {
          const isStored = await super.store(state);
          for (const [id, held] of this.orders)
            if (id !== state.order_id && id.toLowerCase() === state.order_id.toLowerCase())
              this.orders.set(id, { ...held, version: state.version });
          return isStored;
        }
      })(),
      { mustShow: true },
    );
    expect(checks.find(({ check }) => check === 'ids_distinct')).toMatchObject({ code: 'ids_confused' });
  });

  it('wants its own query with every request, and passes', async () => {
    const asked = new Set<string | null>();
    const receiver = new (class extends Receiver {
      override async onRequest(...[request, response]: Parameters<Receiver['onRequest']>) {
        const url = new URL(request.url ?? '', 'http://receiver');
        asked.add(`${request.method} ${url.searchParams.get('tenant')}`);
        url.searchParams.delete('tenant');
        request.url = `${url.pathname}${url.search}`;
        await super.onRequest(request, response);
      }
    })();
    receiver.announcement = null;
    const url = await startReceiver(receiver);
    url.search = '?tenant=x';
    const { ok } = await checked(receiver, { url, mustShow: true });
    expect(ok).toBe(true);
    expect([...asked].sort()).toEqual(['GET x', 'POST x']);
  });
});

describe('the report of a check', () => {
  it('passes a target with warnings alone, and leaves checks out that need one that failed', async () => {
    const warned = await checked(
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 409 };
        }
      })(),
    );
    expect([warned.ok, warned.checks.some(({ verdict }) => verdict === 'warn')]).toEqual([true, true]);
    const failed = await checked(answering(500, ''));
    expect(failed.ok).toBe(false);
    const others = failed.checks.filter(({ check }) => check !== 'accepted');
    expect(new Set(others.map(({ seen }) => seen))).toContain('needs accepted');
    expect(others.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  });

  it('leaves the checks of signatures out without a secret', async () => {
    const open = new (class extends Receiver {
      override isTrusted() {
        return true;
      }
    })();
    const { checks, ok } = await checked(open, { keys: [] });
    const left = checks.filter(({ seen }) => seen === 'no secret is given').map(({ check }) => check);
    expect(ok).toBe(true);
    expect(left.length).toBeGreaterThan(3);
  });
});
