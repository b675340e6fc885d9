import { describe, expect, it, onTestFinished } from 'vitest';
import { type HttpTargetOptions, openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import type { Delivery, DeliveryTarget } from '../../../src/ports/delivery-target.ts';
import { newDelivery } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { type Script, startScriptedServer } from './scripted-server.ts';

const never = new AbortController().signal;
const MISTAKE = new TypeError('x is not a function');
const ANNOUNCED = { 'webhook-batch': '500;path="/api/orders/batch"' };

function deliveryOf(number: number): Delivery {
  return newDelivery({ entityId: `order-${number}`, deliveryId: `msg_order-${number}:1` });
}

async function open(
  script: Script,
  options: Partial<HttpTargetOptions> = {},
): Promise<{ target: DeliveryTarget; posts: () => number }> {
  const server = await startScriptedServer(script);
  const target = openHttpTarget({
    name: 'test',
    url: server.url,
    secrets: [],
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    logger: () => {},
    deadlineMs: 300,
    ...options,
  });
  onTestFinished(async () => {
    // `close` would not end if a defect had left a call under way.
    await target.close();
    await server.close();
  });
  return { target, posts: () => server.received.length };
}

/** `Date.now` until `breakDown` is called, then a clock that throws. */
function breakable() {
  let isBroken = false;
  return {
    now: () => {
      if (isBroken) throw MISTAKE;
      return Date.now();
    },
    breakDown: () => {
      isBroken = true;
    },
  };
}

/** The delivery with a body that cannot be written as JSON. */
function spoilt(delivery: Delivery): Delivery {
  const toJSON = () => {
    throw MISTAKE;
  };
  return { ...delivery, body: { toJSON } as unknown as Delivery['body'] };
}

describe('a defect', () => {
  it('a defect in the making of a request is the outcome of that state, which is tried again later', async () => {
    const { target, posts } = await open((response) => response.end('{}'));
    expect(await outcomesOf(target, [spoilt(deliveryOf(1))], never)).toMatchObject([
      {
        verdict: 'retry',
        status: null,
        error: expect.stringContaining('A defect of Tributary'),
        defect: MISTAKE,
      },
    ]);
    expect(posts()).toBe(0);
  });

  it('a defect in the making of one state does not keep the others of its delivery batch from being sent', async () => {
    const { target } = await open((response) => response.writeHead(200, ANNOUNCED).end('{}'));
    await outcomesOf(target, [deliveryOf(0)], never);
    expect(target.maxDeliveryBatch).toBe(500);
    const outcomes = await outcomesOf(target, [deliveryOf(1), spoilt(deliveryOf(2)), deliveryOf(3)], never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'retry', 'delivered']);
    expect(outcomes.map(({ defect }) => defect)).toEqual([undefined, MISTAKE, undefined]);
  });

  it.each([
    [
      'the reading of an answer',
      (response: { writeHead(status: number): { end(): void } }) => response.writeHead(500).end(),
    ],
    ['the end of a deadline', () => {}],
  ])('a defect in %s ends the call', async (_, answer) => {
    const clock = breakable();
    const { target, posts } = await open(
      (response) => {
        clock.breakDown();
        answer(response);
      },
      { clock: { now: clock.now, monotonicMs: () => performance.now() } },
    );
    const [outcome] = await outcomesOf(target, [deliveryOf(1)], never);
    expect(posts()).toBe(1);
    expect(outcome?.verdict).toBe('retry');
  });

  it('a defect in the reading of an announcement is reported, and the state counts as delivered', async () => {
    const { target } = await open((response) => response.writeHead(200, ANNOUNCED).end('{}'), {
      logger: () => {
        throw MISTAKE;
      },
      secrets: [`whsec_${Buffer.alloc(32, 7).toString('base64')}`],
    });
    expect(await outcomesOf(target, [deliveryOf(1)], never)).toMatchObject([
      { verdict: 'delivered', defect: MISTAKE },
    ]);
  });
});
