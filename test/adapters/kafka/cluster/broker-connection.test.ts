import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  explainFirst,
  lifeOf,
  openBrokerConnection,
} from '../../../../src/adapters/kafka/cluster/broker-connection.ts';
import type { KafkaLogin } from '../../../../src/adapters/kafka/cluster/login.ts';
import { type KafkaLogOptions, resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { TributaryError } from '../../../../src/core/errors.ts';

const login: KafkaLogin = { mechanism: 'PLAIN', username: 'user', password: 'hunter2' };

const optionsWith = (options: Partial<KafkaLogOptions> = {}) =>
  resolveOptions({ brokers: ['kafka1:9092'], clock: systemClock, logger: () => {}, ...options });

/** A server that takes connections and says nothing. */
async function silentServer(): Promise<{ readonly host: string; readonly port: number }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** A broker that accepts every login by a password, and nothing else. The login lasts this long. */
async function acceptingBroker(lastsMs: bigint): Promise<{ readonly host: string; readonly port: number }> {
  const lifetime = Buffer.alloc(8);
  lifetime.writeBigInt64BE(lastsMs);
  const answers: Readonly<Record<number, readonly number[]>> = {
    17: [0, 0, 0, 0, 0, 1, 0, 5, ...Buffer.from('PLAIN')],
    36: [0, 0, 0, 1, ...lifetime, 0],
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (request) => {
      const key = request.readInt16BE(4);
      const body = Buffer.from([
        ...request.subarray(8, 12),
        ...(key === 36 ? [0] : []),
        ...(answers[key] ?? []),
      ]);
      const size = Buffer.alloc(4);
      size.writeInt32BE(body.length);
      socket.write(Buffer.concat([size, body]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function opened(options = optionsWith(), broker = silentServer()) {
  const destination = { ...(await broker), advertisedAs: null };
  let ends = 0;
  const connection = await openBrokerConnection(destination, options, 1_000, () => {
    ends++;
  });
  onTestFinished(() => void connection.socket?.destroy());
  return { connection, options, ended: () => ends };
}

describe('a login in plain text', () => {
  it.each(['kafka1', '10.0.0.1', '127.0.0.1.evil.test', '127.evil.test', '128.0.0.1'])(
    'never leaves for %s without TLS',
    async (host) => {
      const destination = { host, port: 9_092, advertisedAs: null };
      const failure = await openBrokerConnection(destination, optionsWith({ login }), 1_000, () => {}).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ code: 'setting_invalid' });
      const { message } = failure as Error;
      expect(message).toContain(`would be sent to ${host}:9092 in plain text`);
      expect(message).not.toContain('hunter2');
    },
  );
});

describe('the first failure on a connection', () => {
  it('explainFirst tells what it means, unless the request was only late or the broker has answered before', async () => {
    const { connection, options } = await opened();
    const late = new Error('Request timed out.');
    const closed = new Error('Connection closed.');
    expect(explainFirst(connection, late, options)).toBe(late);
    expect(explainFirst(connection, closed, options)).toBeInstanceOf(TributaryError);
    const life = lifeOf(connection);
    if (life === undefined) throw new Error('The connection is not known.');
    life.hasAnswered = true;
    expect(explainFirst(connection, closed, options)).toBe(closed);
  });

  it('a connection that somebody else opened is not explained', async () => {
    const error = new Error('Connection closed.');
    expect(explainFirst({} as never, error, optionsWith())).toBe(error);
  });
});

describe('the life of a connection', () => {
  it('goes on without an end if there is no login, and its owner learns that it was closed', async () => {
    const { connection, ended } = await opened();
    expect(lifeOf(connection)).toMatchObject({
      replaceAtMs: Number.POSITIVE_INFINITY,
      hasAnswered: false,
    });
    expect(ended()).toBe(0);
    await connection.close();
    expect(ended()).toBeGreaterThan(0);
  });

  it('ends before its login does, and the broker has answered by that login', async () => {
    const before = systemClock.monotonicMs();
    const { connection } = await opened(optionsWith({ login }), acceptingBroker(1_000_000n));
    const life = lifeOf(connection);
    expect(life?.hasAnswered).toBe(true);
    expect(life?.replaceAtMs).toBeGreaterThan(before + 500_000);
    expect(life?.replaceAtMs).toBeLessThan(before + 900_000);
  });

  it('rejects with log_unreachable where nothing listens', async () => {
    const destination = { host: '127.0.0.1', port: 1, advertisedAs: null };
    await expect(openBrokerConnection(destination, optionsWith(), 1_000, () => {})).rejects.toMatchObject({
      code: 'log_unreachable',
    });
  });
});
