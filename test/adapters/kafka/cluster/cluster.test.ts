import { type Connection, MultipleErrors, ProtocolError } from '@platformatic/kafka';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Cluster } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';

const REQUEST_MS = 5_000;
const REBALANCE_MS = 9_000;

/** One connection that the cluster has opened, to an address such as `b1:9`. */
interface Opened {
  readonly address: string;
  readonly connection: Connection;
  closes: number;
  destroys: number;
  /** Tells the cluster that the connection is no longer usable. */
  ended(): void;
}

const world = vi.hoisted(() => ({
  opened: [] as Opened[],
  /** The lifetime of the login of each connection, by the monotonic clock. */
  replaceAtMs: Number.POSITIVE_INFINITY,
}));

vi.mock('../../../../src/adapters/kafka/cluster/broker-connection.ts', () => ({
  explainFirst: (_connection: Connection, error: unknown) => error,
  lifeOf: (connection: { readonly replaceAtMs: number }) => connection,
  async openBrokerConnection(
    { host, port }: { host: string; port: number },
    _options: object,
    _timeoutMs: number,
    ended: () => void,
  ) {
    const connection = {
      replaceAtMs: world.replaceAtMs,
      close: async () => void opened.closes++,
      socket: { destroy: () => void opened.destroys++ },
    };
    const opened: Opened = {
      address: `${host}:${port}`,
      connection: connection as never,
      closes: 0,
      destroys: 0,
      ended,
    };
    world.opened.push(opened);
    return connection;
  },
}));

beforeEach(() => {
  world.opened = [];
  world.replaceAtMs = Number.POSITIVE_INFINITY;
});

function clusterOf(brokers: readonly string[]) {
  const clock = new SeededClock({ seed: 1 });
  const options = resolveOptions({
    brokers,
    clock,
    logger: () => {},
    requestTimeoutMs: REQUEST_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
  });
  return { clock, cluster: new Cluster(options) };
}

const addressOf = (connection: Connection): string =>
  world.opened.find((opened) => opened.connection === connection)?.address ?? 'unknown';

/** An answer with an error code, as the library throws it. */
const refusal = (response: object = {}) =>
  Object.assign(new MultipleErrors('a request', [new ProtocolError('NOT_CONTROLLER')]), { response });

/** Asks any broker. A broker of `silent` never answers, one of `failing` fails. Gives the addresses in sequence. */
async function ask(
  { clock, cluster }: ReturnType<typeof clusterOf>,
  { silent = [], failing = [] }: { silent?: readonly string[]; failing?: readonly string[] } = {},
): Promise<string[]> {
  const asked: string[] = [];
  const answer = cluster.anywhere('asking', async (connection) => {
    const address = addressOf(connection);
    asked.push(address);
    if (failing.includes(address)) throw new Error('broken');
    if (silent.includes(address)) await new Promise(() => {});
    return address;
  });
  answer.catch(() => {});
  for (let seconds = 0; seconds < 5; seconds++) await clock.advance(1_000);
  await answer;
  return asked;
}

describe('a request that any broker may answer', () => {
  it('a request goes to the next broker when one fails, and the next request begins there', async () => {
    const of = clusterOf(['a:1', 'b:2', 'c:3']);
    expect(await ask(of, { failing: ['a:1'] })).toEqual(['a:1', 'b:2']);
    expect(await ask(of)).toEqual(['b:2']);
  });

  it('a request goes to a broker first again once that broker has answered after a failure', async () => {
    const of = clusterOf(['a:1', 'b:2']);
    await ask(of, { failing: ['a:1'] });
    expect(await ask(of, { failing: ['b:2'] })).toEqual(['b:2', 'a:1']);
    expect(await ask(of, { failing: ['a:1'] })).toEqual(['a:1', 'b:2']);
    expect(await ask(of)).toEqual(['b:2']);
  });

  it('a request is refused by the answer of the first broker, and no other broker is asked', async () => {
    const { cluster } = clusterOf(['a:1', 'b:2']);
    let asked = 0;
    const answer = cluster.anywhere('asking', async () => {
      asked++;
      throw refusal();
    });
    await expect(answer).rejects.toBeInstanceOf(MultipleErrors);
    expect(asked).toBe(1);
  });

  it('a request asks a broker again on a new connection when all are silent, and closes the replaced one', async () => {
    const { clock, cluster } = clusterOf(['a:1']);
    await ask({ clock, cluster });
    const [old] = world.opened;
    const releases = Promise.withResolvers<void>();
    const answer = cluster.anywhere('asking', async (connection) => {
      if (connection === old?.connection) await releases.promise;
      return world.opened.findIndex((opened) => opened.connection === connection);
    });
    await clock.advance(2_000);
    expect(await answer).toBe(1);
    releases.resolve();
    await clock.advance(1);
    expect(world.opened.map(({ closes }) => closes)).toEqual([1, 0]);
  });

  it('a request rejects with the last failure when every broker has failed', async () => {
    const answer = ask(clusterOf(['a:1', 'b:2']), { failing: ['a:1', 'b:2'] });
    await expect(answer).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/\(asking\): broken/),
    });
  });
});

describe('the metadata of the cluster', () => {
  const answerOf = (brokers: readonly number[], controllerId = -1, topics: object[] = []) => ({
    throttleTimeMs: 0,
    brokers: brokers.map((nodeId) => ({ nodeId, host: `n${nodeId}`, port: 9, rack: null })),
    clusterId: null,
    controllerId,
    topics,
  });

  /** Has every broker answer the next requests with this. */
  function answering(answer: () => object): void {
    for (const { connection } of world.opened) setAnswer(connection, answer);
  }

  function setAnswer(connection: Connection, answer: () => object): void {
    Object.assign(connection, {
      send: (...parameters: unknown[]) =>
        (parameters.at(-1) as (error: null, answer: object) => void)(null, answer()),
    });
  }

  it('a broker that has left the cluster is known no more', async () => {
    const of = clusterOf(['a:1']);
    await ask(of);
    answering(() => answerOf([1, 2]));
    await of.cluster.topics([]);
    expect(of.cluster.brokerIds).toEqual([1, 2]);
    await of.cluster.connect(1, 'control');
    await of.cluster.connect(2, 'control');
    answering(() => answerOf([2]));
    await of.cluster.topics([]);
    expect(of.cluster.brokerIds).toEqual([2]);
    await expect(of.cluster.connect(1, 'fetch')).rejects.toMatchObject({ code: 'log_unreachable' });
  });

  it('a topic is there although one of its partitions has no leader', async () => {
    const of = clusterOf(['a:1']);
    await ask(of);
    const partition = (partitionIndex: number, leaderId: number) => ({
      partitionIndex,
      leaderId,
      leaderEpoch: 3,
    });
    const topics = [
      { name: 't', topicId: 'id', errorCode: 5, partitions: [partition(1, -1), partition(0, 2)] },
      { name: 'gone', topicId: 'none', errorCode: 3, partitions: [] },
    ];
    answering(() => answerOf([1], -1, topics));
    const found = await of.cluster.topics(['t', 'gone']);
    expect([...found.keys()]).toEqual(['t']);
    expect(found.get('t')?.partitions).toEqual([
      { leader: 2, leaderEpoch: 3 },
      { leader: -1, leaderEpoch: 3 },
    ]);
  });

  it('a refusal of the controller stays what it is, and another failure becomes an unreachable log', async () => {
    const of = clusterOf(['a:1']);
    await ask(of);
    answering(() => answerOf([1], 1));
    await of.cluster.topics([]);
    setAnswer(await of.cluster.connect(1, 'control'), () => answerOf([1], 1));
    const refused = refusal();
    await expect(of.cluster.controller('creating', () => Promise.reject(refused))).rejects.toBe(refused);
    const broken = of.cluster.controller('creating', () => Promise.reject(new Error('broken')));
    await expect(broken).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/\(creating\): broken/),
    });
  });

  it('a group without a coordinator is unreachable for now', async () => {
    const of = clusterOf(['a:1']);
    await ask(of);
    const coordinators = [{ key: 'g', nodeId: -1, host: '', port: -1, errorCode: 0, errorMessage: null }];
    answering(() => ({ throttleTimeMs: 0, coordinators }));
    await expect(of.cluster.coordinatorOf('g')).rejects.toMatchObject({
      code: 'log_unreachable',
      message: 'Kafka names no coordinator for the group g.',
    });
  });

  it('another broker is asked first after a doubt, and all count as equal once each was in doubt', async () => {
    const of = clusterOf(['a:1']);
    await ask(of);
    answering(() => answerOf([1, 2]));
    await of.cluster.topics([]);
    of.cluster.askOthers();
    expect((await ask(of))[0]).toBe('n2:9');
    of.cluster.askOthers();
    of.cluster.askOthers();
    expect((await ask(of))[0]).toBe('n1:9');
  });
});

describe('a connection to a broker', () => {
  /** A cluster that knows broker 1. */
  async function known() {
    const of = clusterOf(['a:1']);
    await ask(of);
    const [{ connection } = {}] = world.opened;
    const coordinators = [{ key: 'g', nodeId: 1, host: 'n1', port: 9, errorCode: 0, errorMessage: null }];
    Object.assign(connection ?? {}, {
      send: (...parameters: unknown[]) =>
        (parameters.at(-1) as (error: null, answer: object) => void)(null, {
          throttleTimeMs: 0,
          coordinators,
        }),
    });
    expect(await of.cluster.coordinatorOf('g')).toBe(1);
    world.opened.length = 0;
    return of;
  }

  it('a connection stays when an earlier one in its place ends late', async () => {
    const { cluster } = await known();
    await cluster.connect(1, 'group');
    const [first] = world.opened;
    cluster.abandon(1, 'group');
    const second = await cluster.connect(1, 'group');
    expect(first?.destroys).toBe(1);
    first?.ended();
    expect(await cluster.connect(1, 'group')).toBe(second);
    world.opened[1]?.ended();
    expect(await cluster.connect(1, 'group')).not.toBe(second);
  });

  it('a connection whose login ends soon is replaced once, and closes when no answer can come on it any more', async () => {
    const { cluster, clock } = await known();
    world.replaceAtMs = clock.monotonicMs() + 100;
    const old = await cluster.connect(1, 'fetch');
    await clock.advance(99);
    expect(await cluster.connect(1, 'fetch')).toBe(old);
    await clock.advance(1);
    world.replaceAtMs = Number.POSITIVE_INFINITY;
    const [next, same] = await Promise.all([cluster.connect(1, 'fetch'), cluster.connect(1, 'fetch')]);
    expect(next).not.toBe(old);
    expect(same).toBe(next);
    await clock.advance(REQUEST_MS + REBALANCE_MS - 1);
    expect(world.opened.map(({ closes }) => closes)).toEqual([0, 0]);
    await clock.advance(1);
    expect(world.opened.map(({ closes }) => closes)).toEqual([1, 0]);
  });

  it('a cluster that closes closes its replaced connections too, and opens none', async () => {
    const { cluster, clock } = await known();
    world.replaceAtMs = clock.monotonicMs() + 100;
    await cluster.connect(1, 'fetch');
    await clock.advance(100);
    world.replaceAtMs = Number.POSITIVE_INFINITY;
    await cluster.connect(1, 'fetch');
    const closing = cluster.close();
    await closing;
    expect(world.opened.every(({ closes }) => closes > 0)).toBe(true);
    await expect(cluster.connect(1, 'fetch')).rejects.toThrow('The log is closed.');
  });
});
