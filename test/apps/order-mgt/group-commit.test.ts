import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChangeStream } from '../../../src/apps/order-mgt/change-stream.ts';
import { GroupCommit } from '../../../src/apps/order-mgt/group-commit.ts';
import { buildServer } from '../../../src/apps/order-mgt/http/server.ts';
import type { ServerParts } from '../../../src/apps/order-mgt/http/server-parts.ts';
import { readinessOf } from '../../../src/apps/order-mgt/readiness.ts';
import type {
  ChangePage,
  ListPage,
  OrderStates,
  Receipt,
  ReceivedDelivery,
} from '../../../src/apps/order-mgt/states.ts';
import { Waiters } from '../../../src/apps/order-mgt/waiters.ts';
import { makeApiKey, parseApiKeys } from '../../../src/apps/shared/http/api-keys.ts';
import { ProblemCounts } from '../../../src/apps/shared/http/metrics.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { newState } from './fixture.ts';

/** A store whose transactions end when the test says so. */
class ManualStates implements OrderStates {
  readonly batches: (readonly ReceivedDelivery[])[] = [];
  readonly #pending: { resolve: () => void; reject: (error: Error) => void }[] = [];

  async receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    this.batches.push(deliveries);
    await new Promise<void>((resolve, reject) => this.#pending.push({ resolve, reject }));
    return deliveries.map(({ state }) => ({ effect: 'applied', heldVersion: state.version }));
  }

  finish(error?: Error): void {
    const { resolve, reject } = this.#pending.shift() ?? expect.fail('No transaction is under way.');
    if (error === undefined) resolve();
    else reject(error);
  }

  async read(): Promise<null> {
    return null;
  }

  async list(): Promise<ListPage> {
    return { states: [], next: null };
  }

  async changesAfter(): Promise<ChangePage> {
    return { changes: [], receiptNumber: 0 };
  }

  async lastReceiptNumber(): Promise<number> {
    return 0;
  }

  async health(): Promise<{ ok: false; reason: string }> {
    return { ok: false, reason: 'The disk is gone.' };
  }

  async close(): Promise<void> {}
}

function serverOf(states: OrderStates, parts: Partial<ServerParts> = {}): ReturnType<typeof buildServer> {
  const groupCommit = new GroupCommit(states, () => {});
  return buildServer({
    states,
    groupCommit,
    waiters: new Waiters(states, 10),
    stream: new ChangeStream(states, () => {}),
    deliveryBatchMax: 500,
    problems: new ProblemCounts(),
    metrics: { contentType: 'text/plain', text: async () => '' },
    keys: [],
    access: 'open',
    guard: { host: '127.0.0.1', hosts: [], setting: 'ORDER_MGT_KNOWN_HOSTS' },
    readiness: () => readinessOf(states, groupCommit),
    now: Date.now,
    logger: () => {},
    ...parts,
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const delivery = (version: number): ReceivedDelivery => ({
  deliveryId: `msg_${version}`,
  state: newState({ version }),
  receivedAtMs: 0,
});

describe('group commit', () => {
  it('commits deliveries that arrive together in one transaction, and those that arrive meanwhile in the next', async () => {
    const states = new ManualStates();
    const told: number[] = [];
    const group = new GroupCommit(states, (deliveries) => told.push(deliveries.length));
    const first = [1, 2, 3].map((version) => group.receive(delivery(version)));
    await turn();
    const second = [4, 5].map((version) => group.receive(delivery(version)));
    await turn();
    expect(states.batches.map((batch) => batch.length)).toEqual([3]);

    states.finish();
    expect((await Promise.all(first)).map(({ heldVersion }) => heldVersion)).toEqual([1, 2, 3]);
    expect(told).toEqual([3]);
    await turn();
    states.finish();
    expect((await Promise.all(second)).map(({ heldVersion }) => heldVersion)).toEqual([4, 5]);
    expect(states.batches.map((batch) => batch.length)).toEqual([3, 2]);
  });

  it('answers nobody before the transaction has ended', async () => {
    const states = new ManualStates();
    let isAnswered = false;
    const group = new GroupCommit(states, () => {});
    const receipt = group.receive(delivery(1)).then(() => {
      isAnswered = true;
    });
    for (let index = 0; index < 5; index++) await turn();
    expect(isAnswered).toBe(false);
    states.finish();
    await receipt;
  });

  it('takes at most 4,000 deliveries into one transaction', async () => {
    const states = new ManualStates();
    const group = new GroupCommit(states, () => {});
    const all = Array.from({ length: 10_000 }, (_, index) => group.receive(delivery(index + 1)));
    for (let index = 0; index < 3; index++) {
      await turn();
      states.finish();
      await turn();
    }
    await Promise.all(all);
    expect(states.batches.map((batch) => batch.length)).toEqual([4_000, 4_000, 2_000]);
  });

  describe('group commit when many requests come at once', () => {
    afterEach(() => void vi.useRealTimers());

    /** A group commit after a transaction with this number of requests. */
    async function busy(count: number) {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const states = new ManualStates();
      const group = new GroupCommit(states, () => {});
      const first = Array.from({ length: count }, (_, index) => group.receive(delivery(index + 1)));
      await turn();
      states.finish();
      await Promise.all(first);
      const arrive = (arriving: number) => {
        for (let index = 0; index < arriving; index++) void group.receive(delivery(1_000 + index));
      };
      const sizes = async () => {
        await turn();
        await turn();
        return states.batches.slice(1).map((batch) => batch.length);
      };
      return { arrive, sizes };
    }

    it('waits until as many requests have come as the last time', async () => {
      const { arrive, sizes } = await busy(20);
      arrive(1);
      expect(await sizes()).toEqual([]);
      arrive(18);
      expect(await sizes()).toEqual([]);
      arrive(1);
      expect(await sizes()).toEqual([20]);
    });

    it('waits for at most 64 requests', async () => {
      const { arrive, sizes } = await busy(500);
      arrive(63);
      expect(await sizes()).toEqual([]);
      arrive(7);
      expect(await sizes()).toEqual([70]);
    });

    it('waits for at most 1 ms', async () => {
      const { arrive, sizes } = await busy(20);
      arrive(3);
      expect(await sizes()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(await sizes()).toEqual([3]);
    });

    it('waits for nothing after a group of fewer than 16 requests', async () => {
      const { arrive, sizes } = await busy(15);
      arrive(1);
      expect(await sizes()).toEqual([1]);
    });
  });

  it('fails the one request that meets a defect, and stores all others of its transaction', async () => {
    const mistake = new TypeError('x is not a function');
    const states = new ManualStates();
    states.receive = async (deliveries) => {
      states.batches.push(deliveries);
      if (deliveries.some(({ deliveryId }) => deliveryId === 'bad')) throw mistake;
      return deliveries.map(({ state }) => ({ effect: 'applied', heldVersion: state.version }));
    };
    const group = new GroupCommit(states, () => {});
    const ids = ['a', 'bad', 'b'];
    const state = newState();
    const answers = await Promise.allSettled(
      ids.map((deliveryId) => group.receive({ deliveryId, state, receivedAtMs: 0 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: mistake });
    expect(states.batches.map(({ length }) => length)).toEqual([3, 1, 1, 1]);
    expect(await group.receive({ deliveryId: 'c', state, receivedAtMs: 0 })).toMatchObject({
      effect: 'applied',
    });
  });

  it('rejects all deliveries of a failed transaction, announces none of them, and goes on', async () => {
    const states = new ManualStates();
    const told: number[] = [];
    const group = new GroupCommit(states, (deliveries) => told.push(deliveries.length));
    const failing = Promise.allSettled([group.receive(delivery(1)), group.receive(delivery(2))]);
    await turn();
    states.finish(new TributaryError('store_failed', 'The disk is full.'));
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(told).toEqual([]);

    const next = group.receive(delivery(3));
    await turn();
    states.finish();
    expect(await next).toEqual({ effect: 'applied', heldVersion: 3 });
    await group.idle();
  });
});

describe('order-mgt with a store that fails', () => {
  it('answers 503 with Retry-After, and keeps the reason in the log', async () => {
    const states = new ManualStates();
    const logged: string[] = [];
    const app = serverOf(states, { logger: (level, message) => logged.push(`${level}: ${message}`) });
    const posting = app.inject({ method: 'POST', url: '/api/orders', payload: newState() });
    while (states.batches.length === 0) await turn();
    states.finish(new TributaryError('store_failed', 'The disk /dev/sdx is full.'));
    const answer = await posting;
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/problem+json' });
    expect(answer.json()).toMatchObject({ code: 'store_failed', title: 'Service Unavailable' });
    expect(answer.body).not.toContain('sdx');
    expect(logged).toContainEqual(expect.stringContaining('The disk /dev/sdx is full.'));
    expect((await app.inject('/readyz')).statusCode).toBe(503);
    expect((await app.inject('/livez')).statusCode).toBe(200);
    await app.close();
  });

  it('tells readers with a key why it is not ready, and others only which part fails', async () => {
    const reader = makeApiKey('reader', ['read']);
    const app = serverOf(new ManualStates(), {
      access: parseApiKeys(reader.entry, 'order-mgt'),
    });
    const detailFor = async (headers: Record<string, string>) => {
      const answer = await app.inject({ url: '/readyz', headers });
      expect(answer.statusCode).toBe(503);
      return answer.json().detail;
    };
    expect(await detailFor({})).toBe('database: not reachable');
    expect(await detailFor({ authorization: 'Bearer trb_wrong' })).toBe('database: not reachable');
    expect(await detailFor({ authorization: `Bearer ${reader.key}` })).toBe('The disk is gone.');
    await app.close();
  });

  it('lets at most the given number of readers wait', async () => {
    const waiters = new Waiters(new ManualStates(), 2);
    const gone = new AbortController();
    const waiting = [1, 2].map(() => waiters.wait('a', 1, 60_000, gone.signal));
    await turn();
    expect(waiters.isFull).toBe(true);
    gone.abort();
    expect(await Promise.all(waiting)).toEqual([null, null]);
    expect(waiters.isFull).toBe(false);
  });
});
