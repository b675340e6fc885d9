import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { checkTarget } from '../../src/check-target/index.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { OPTION_NAMES } from './option-names.ts';
import { type Delivery, Receiver, SECRET, startReceiver } from './receiver.ts';

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
