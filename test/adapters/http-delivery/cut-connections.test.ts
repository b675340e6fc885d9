import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import type { HttpTargetOptions } from '../../../src/adapters/http-delivery/index.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { never, serverOf, targetAt } from './place.ts';
import type { Script } from './scripted-server.ts';

async function open(script: Script, options: Partial<HttpTargetOptions> = {}) {
  const server = await serverOf(script);
  const target = targetAt(server.url, options);
  let sent = 0;
  const send = (): Promise<DeliveryOutcome> =>
    singly(target).deliver(newDelivery({ deliveryId: `msg_${++sent}` }), never);
  return { server, send };
}

/** Lets the event loop turn until every connection has rested. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function sendInTurn(send: () => Promise<DeliveryOutcome>, count: number): Promise<DeliveryOutcome[]> {
  const outcomes: DeliveryOutcome[] = [];
  for (let index = 0; index < count; index++) {
    outcomes.push(await send());
    await rest();
  }
  return outcomes;
}

/** Answers this many requests of a connection, and cuts it at the next one. */
function cutsAfter(answersOfConnection: number) {
  const carried = new Map<unknown, number>();
  let cuts = 0;
  const script = (response: ServerResponse, { socket }: IncomingMessage): void => {
    const number = (carried.get(socket) ?? 0) + 1;
    carried.set(socket, number);
    if (number <= answersOfConnection) {
      response.writeHead(200).end('{}');
      return;
    }
    cuts++;
    socket.destroy();
  };
  return { script, cuts: () => cuts };
}

it('states whose used connection is cut by turns are delivered by one attempt each', async () => {
  const { script, cuts } = cutsAfter(2);
  const { server, send } = await open(script);
  const outcomes = await sendInTurn(send, 12);
  expect(outcomes.map(({ verdict, error }) => [verdict, error])).toEqual(Array(12).fill(['delivered', null]));
  expect(cuts()).toBe(5);
  expect(server.connections).toHaveLength(6);
  const ids = server.received.map(({ headers }) => headers['webhook-id']);
  expect(ids).toHaveLength(12 + cuts());
  expect(new Set(ids).size).toBe(12);
});

it('a request that is cut on its new connection too has failed, after being sent twice', async () => {
  const { server, send } = await open((response, { socket }, number) => {
    if (number === 1) response.end('{}');
    else socket.destroy();
  });
  const [, failed] = await sendInTurn(send, 2);
  expect(failed).toMatchObject({ verdict: 'retry', status: null });
  expect(server.received).toHaveLength(3);
});

it('a request on a new connection is sent once, when the target cuts that', async () => {
  const { server, send } = await open((_response, { socket }) => socket.destroy());
  expect(await send()).toMatchObject({ verdict: 'retry', status: null });
  expect(server.received).toHaveLength(1);
});

it('a request is not sent again after a byte of its answer came', async () => {
  const { server, send } = await open((response, { socket }, number) => {
    if (number === 1) response.end('{}');
    else socket.end('H');
  });
  const [, failed] = await sendInTurn(send, 2);
  expect(failed).toMatchObject({ verdict: 'retry', status: null });
  expect(server.received).toHaveLength(2);
});

it('fewer connections are kept, and said, while the target cuts those that have just rested', async () => {
  const { script } = cutsAfter(1);
  const said: string[] = [];
  let nowMs = 0;
  const { send } = await open(script, {
    clock: { now: Date.now, monotonicMs: () => nowMs },
    connections: 64,
    logger: (_level, message) => void said.push(message),
  });
  said.length = 0;
  for (let round = 0; round < 3; round++) {
    nowMs += 700;
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => send()));
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(Array(64).fill('delivered'));
    await rest();
  }
  expect(said).toEqual([
    expect.stringContaining('at most 48 connections'),
    expect.stringContaining('at most 36 connections'),
  ]);
});

for (const seconds of [1, 2]) {
  it(`a target that keeps connections for ${seconds} s gets states in a row on one connection`, async () => {
    const { server, send } = await open((response) => {
      response.writeHead(200, { 'keep-alive': `timeout=${seconds}` }).end('{}');
    });
    await sendInTurn(send, 10);
    expect(server.connections).toHaveLength(1);
  });
}
