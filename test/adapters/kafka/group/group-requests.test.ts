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
