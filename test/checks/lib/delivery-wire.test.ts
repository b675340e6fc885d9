import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeliveryWire } from './delivery-wire.ts';
import { Random } from './random.ts';

const NEVER = { share: 0, leastMs: 0, mostMs: 1 };

/** A target that recognises known ids. Its mood makes it misbehave. */
class Target {
  readonly seen = new Set<string>();
  readonly requests: string[] = [];
  mood: 'good' | 'forgetful' | 'stores and dies' | 'ignores' = 'good';
  delayMs = 0;
  readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      this.requests.push(text);
      const body = JSON.parse(text);
      const ids: string[] = body.deliveries?.map(({ id }: { id: string }) => id) ?? [
        String(request.headers['webhook-id']),
      ];
      const results = ids.map((id) => ({ id, status: 200, ...this.#take(id) }));
      if (this.mood === 'stores and dies') request.socket.destroy();
      else {
        const answer = JSON.stringify(body.deliveries === undefined ? results[0] : { results });
        setTimeout(() => response.end(answer), this.delayMs);
      }
    });
  });

  #take(id: string) {
    const duplicate = this.seen.has(id) && this.mood !== 'forgetful';
    this.seen.add(id);
    return { duplicate, ignored: this.mood === 'ignores' };
  }
}

let target: Target;
let wire: DeliveryWire;

const open = async (delays = NEVER) =>
  DeliveryWire.open((target.server.address() as AddressInfo).port, 2, new Random(1), delays);

beforeEach(async () => {
  target = new Target();
  await new Promise<void>((resolve) => target.server.listen(0, '127.0.0.1', resolve));
  wire = await open();
});

afterEach(async () => {
  await wire.close();
  target.server.closeAllConnections();
  target.server.close();
});

const send = (
  id: string,
  version = 1,
  { sender = 0, signal }: { sender?: number; signal?: AbortSignal } = {},
) =>
  fetch(`http://127.0.0.1:${wire.ports[sender]}/api/orders`, {
    method: 'POST',
    headers: { 'webhook-id': id },
    body: JSON.stringify({ order_id: 'a', version }),
    ...(signal === undefined ? {} : { signal }),
  });

const nothing = {
  states_sent: 0,
  duplicates_answered: 0,
  answers_lost: 0,
  settlements_lost: 0,
  older_ignored: 0,
  ids_wrong: 0,
};

describe('the wire', () => {
  it('passes requests and answers on unchanged', async () => {
    const answer = await send('one');
    expect(await answer.json()).toEqual({ id: 'one', status: 200, duplicate: false, ignored: false });
    expect(target.requests).toEqual(['{"order_id":"a","version":1}']);
    expect(wire.figures()).toEqual({ ...nothing, states_sent: 1 });
  });

  it('counts repeats after a received answer and repeats after a lost answer separately', async () => {
    await send('one');
    await send('one');
    expect(wire.figures()).toMatchObject({ duplicates_answered: 1, settlements_lost: 1, answers_lost: 0 });
    target.mood = 'stores and dies';
    await expect(send('two', 2)).rejects.toThrow();
    target.mood = 'good';
    await send('two', 2);
    expect(wire.figures()).toMatchObject({ duplicates_answered: 2, settlements_lost: 1, answers_lost: 1 });
  });

  it('loses answers from loseAnswers() until mend()', async () => {
    const losing = wire.loseAnswers(5_000);
    await expect(send('one')).rejects.toThrow();
    await losing;
    wire.mend();
    expect(await (await send('one')).json()).toMatchObject({ duplicate: true });
    expect(wire.figures()).toMatchObject({ answers_lost: 1, ids_wrong: 0 });
  });

  it('reports the next answered sender, except the spared one', async () => {
    const answered = wire.answerToOtherThan(0, 60_000);
    await send('one');
    await send('one', 1, { sender: 1 });
    expect(await answered).toBe(1);
  });

  it('counts a lost settlement if the sender was killed before the answer', async () => {
    target.delayMs = 100;
    const unanswered = expect(send('one', 1, { signal: AbortSignal.timeout(40) })).rejects.toThrow();
    await vi.waitFor(() => expect(target.seen).toContain('one'));
    wire.senderKilled(0);
    await unanswered;
    target.delayMs = 0;
    await vi.waitFor(async () => {
      await send('one');
      expect(wire.figures()).toMatchObject({ settlements_lost: 1, answers_lost: 0 });
    });
  });

  it('gives up waiting for an answer after the patience', async () => {
    await wire.loseAnswers(10);
    wire.mend();
    expect(await wire.answerToOtherThan(-1, 10)).toBeUndefined();
    expect((await send('one')).status).toBe(200);
  });

  it('counts the states of batches', async () => {
    const deliveries = ['one', 'two', 'one'].map((id) => ({ id, state: { order_id: id, version: 1 } }));
    await fetch(`http://127.0.0.1:${wire.ports[0]}/api/orders/batch`, {
      method: 'POST',
      body: JSON.stringify({ deliveries: deliveries.slice(0, 2) }),
    });
    await fetch(`http://127.0.0.1:${wire.ports[0]}/api/orders/batch`, {
      method: 'POST',
      body: JSON.stringify({ deliveries: deliveries.slice(2) }),
    });
    expect(wire.figures()).toMatchObject({ states_sent: 3, duplicates_answered: 1, settlements_lost: 1 });
  });

  it('finds an id that was answered as new twice, a state with two ids, and an id with two states', async () => {
    target.mood = 'forgetful';
    await send('one');
    await send('one');
    expect(wire.figures().ids_wrong).toBe(1);
    await send('other');
    expect(wire.figures().ids_wrong).toBe(2);
    await send('other', 2);
    expect(wire.figures().ids_wrong).toBe(4);
  });

  it('delivers a held request although the sender has given up', async () => {
    await wire.close();
    wire = await open({ share: 1, leastMs: 100, mostMs: 101 });
    target.mood = 'ignores';
    await expect(send('one', 1, { signal: AbortSignal.timeout(20) })).rejects.toThrow();
    expect(target.requests).toHaveLength(0);
    await wire.empty();
    expect(target.requests).toHaveLength(1);
    expect(wire.figures()).toMatchObject({ states_sent: 1, older_ignored: 1 });
    target.mood = 'good';
    await send('one');
    await send('one');
    // The wire itself made the request late, so the figures count no loss by a kill.
    expect(wire.figures()).toMatchObject({ duplicates_answered: 2, settlements_lost: 0, answers_lost: 0 });
  });
});
