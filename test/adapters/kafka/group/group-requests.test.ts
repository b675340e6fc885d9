import { MultipleErrors } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import type { Cluster } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { GroupRequests } from '../../../../src/adapters/kafka/group/group-requests.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';

it('a join goes over a new connection, because an old one may have died unnoticed', async () => {
  const calls: string[] = [];
  const cluster = {
    options: resolveOptions({ brokers: ['localhost:9092'], clock: systemClock, logger: () => {} }),
    abandon: (nodeId: number, use: string) => calls.push(`abandon ${nodeId}/${use}`),
    connect: async (nodeId: number, use: string) => {
      calls.push(`connect ${nodeId}/${use}`);
      throw new Error('This test has no broker.');
    },
  } as unknown as Cluster;
  const requests = new GroupRequests(cluster, 'readers');
  await expect(requests.join(3, '', Buffer.alloc(0))).rejects.toThrow('This test has no broker.');
  expect(calls).toEqual(['abandon 3/group', 'connect 3/group']);
});

/** A cluster whose brokers give these answers, in sequence. An answer with a code is an error of the protocol. */
function answering(...answers: (object | Error)[]) {
  const uses: [use: string, timeoutMs: number | undefined][] = [];
  const cluster = {
    options: resolveOptions({
      brokers: [],
      clock: systemClock,
      logger: () => {},
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      requestTimeoutMs: 4_000,
    }),
    abandon() {},
    async connect(_nodeId: number, use: string, timeoutMs?: number) {
      uses.push([use, timeoutMs]);
      return {
        send(...parameters: unknown[]) {
          const done = parameters.at(-1) as (error: Error | null, answer?: object) => void;
          const answer = answers.shift() ?? new Error('This test has no more answers.');
          if (answer instanceof Error) done(answer);
          else done(null, answer);
        },
      };
    },
  };
  return { requests: new GroupRequests(cluster as unknown as Cluster, 'readers'), uses };
}

const refusal = () => Object.assign(new MultipleErrors('a request', []), { response: {} });

it('the committed offsets have offset 0 too, and leave out partitions without one', async () => {
  const partition = (partitionIndex: number, committedOffset: bigint, metadata: string | null) => ({
    partitionIndex,
    committedOffset,
    committedLeaderEpoch: -1,
    metadata,
    errorCode: 0,
  });
  const partitions = [partition(0, 0n, 'a note'), partition(1, -1n, null), partition(2, 7n, null)];
  const groups = [{ groupId: 'readers', topics: [{ name: 'orders', partitions }], errorCode: 0 }];
  const { requests } = answering({ throttleTimeMs: 0, groups });
  expect(await requests.committed(1)).toEqual([
    { topic: 'orders', partition: 0, offset: 0n, note: 'a note' },
    { topic: 'orders', partition: 2, offset: 7n, note: null },
  ]);
});

it('a coordinator is there if it answers with an error, and not if it gives no answer', async () => {
  const { requests } = answering(refusal(), new Error('The connection is broken.'));
  await expect(requests.ask(1)).resolves.toBeUndefined();
  await expect(requests.ask(1)).rejects.toThrow('The connection is broken.');
});

it('a heartbeat leaves time for a second try in the session, and a join for the slowest member', async () => {
  const { requests, uses } = answering();
  const membership = { coordinator: 1, generation: 1, memberId: 'me' };
  await expect(requests.heartbeat(membership)).rejects.toThrow();
  await expect(requests.join(1, 'me', Buffer.alloc(0))).rejects.toThrow();
  await expect(requests.sync(membership, [])).rejects.toThrow();
  expect(uses).toEqual([
    ['heartbeat', 3_334],
    ['group', 34_000],
    ['group', 34_000],
  ]);
});
