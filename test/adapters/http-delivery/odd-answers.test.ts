import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { never, serverOf, targetAt } from './place.ts';
import type { Script } from './scripted-server.ts';

async function start(script: Script) {
  const server = await serverOf(script);
  return { server, target: singly(targetAt(server.url, { connections: 4 })) };
}

describe('the connection of an odd answer', () => {
  it('leaves the outcome without a status if only an interim answer came before it broke', async () => {
    const { target } = await start((response) => {
      const { socket } = response;
      socket?.write('HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n', () => socket.destroy());
    });
    expect(await target.deliver(newDelivery(), never)).toMatchObject({ verdict: 'retry', status: null });
  });

  it('carries no further request once an answer named another delivery', async () => {
    const { server, target } = await start((response, _, number) => {
      response.end(number === 1 ? '{"delivery_id":"msg_of-another"}' : '{}');
    });
    const verdicts: string[] = [];
    const connections: number[] = [];
    for (const deliveryId of ['msg_1', 'msg_2', 'msg_3']) {
      const { verdict } = await target.deliver(newDelivery({ deliveryId }), never);
      verdicts.push(verdict);
      connections.push(server.connections.length);
      // A connection rests for some turns before it is used again.
      for (let turn = 0; turn < 10; turn++) await setImmediate();
    }
    expect(verdicts).toEqual(['retry', 'delivered', 'delivered']);
    expect(connections).toEqual([1, 2, 2]);
  });
});
