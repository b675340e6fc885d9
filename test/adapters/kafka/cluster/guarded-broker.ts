import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { alterUserScramCredentialsV0, Connection } from '@platformatic/kafka';
import { type Certificate, makeCertificate } from '../../../helpers/certificates.ts';
import { readEnvironment } from '../../../services/environment.ts';
import { type KafkaListener, startPrivateKafka } from '../../../services/kafka.ts';
import { freePort } from '../../../services/ports.ts';

/*
 * One real broker with a listener for each kind of protection, and for each way to get it wrong. Every connection to
 * it passes a tap, which keeps the first bytes that the client sends.
 */

export const PASSWORD = 'a password that only this test knows';

const DAY_MS = 86_400_000;

/** The listeners. The broker's certificate is for localhost unless the comment says otherwise. */
const LISTENERS = {
  /** No TLS, no login. */
  OPEN: { protocol: 'PLAINTEXT' },
  /** Its advertised address does not exist. */
  LOST: { protocol: 'PLAINTEXT' },
  /** Signed by the authority. */
  GOOD: { protocol: 'SSL' },
  SELFSIGNED: { protocol: 'SSL' },
  /** Signed by the authority, for another name. */
  OTHERNAME: { protocol: 'SSL' },
  EXPIRED: { protocol: 'SSL' },
  /** Requires a certificate of the client. */
  MUTUAL: { protocol: 'SSL' },
  /** A login over TLS: PLAIN, SCRAM or OAUTHBEARER. */
  LOGIN: { protocol: 'SASL_SSL' },
  /** A login without TLS. */
  OPENLOGIN: { protocol: 'SASL_PLAINTEXT' },
  /** A token whose session ends after three seconds. */
  SHORT: { protocol: 'SASL_SSL' },
} as const satisfies Record<string, Pick<KafkaListener, 'protocol'>>;

export type ListenerName = keyof typeof LISTENERS;

export interface GuardedBroker {
  /** `localhost:port`, as KAFKA_BROKERS takes it. */
  at(listener: ListenerName): string;
  /** The first bytes of each connection since the last call. */
  taps(listener: ListenerName): Buffer[];
  /** PEM files. */
  readonly files: {
    readonly authority: string;
    readonly clientCertificate: string;
    readonly clientKey: string;
    /** A certificate that signed itself. No broker accepts it. */
    readonly strangerCertificate: string;
    readonly strangerKey: string;
  };
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startGuardedBroker(): Promise<GuardedBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-guarded-'));
  const write = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const authority = makeCertificate({ commonName: 'Private Authority', isAuthority: true });
  const good = makeCertificate({ commonName: 'broker', names: ['localhost'], issuer: authority });
  const certificates: Partial<Record<ListenerName, Certificate>> = {
    GOOD: good,
    MUTUAL: good,
    LOGIN: good,
    SHORT: good,
    SELFSIGNED: makeCertificate({ commonName: 'localhost', names: ['localhost'] }),
    OTHERNAME: makeCertificate({ commonName: 'kafka.example', names: ['kafka.example'], issuer: authority }),
    EXPIRED: makeCertificate({
      commonName: 'broker',
      names: ['localhost'],
      issuer: authority,
      validFrom: new Date(Date.now() - 60 * DAY_MS),
      validTo: new Date(Date.now() - 30 * DAY_MS),
    }),
  };
  const client = makeCertificate({ commonName: 'order-sync', issuer: authority });
  const stranger = makeCertificate({ commonName: 'stranger' });
  const files = {
    authority: write('authority.pem', authority.certificatePem),
    clientCertificate: write('client.pem', client.certificatePem),
    clientKey: write('client.key', client.keyPem),
    strangerCertificate: write('stranger.pem', stranger.certificatePem),
    strangerKey: write('stranger.key', stranger.keyPem),
  };
  const properties: Record<string, string> = {
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.mutual.ssl.truststore.type': 'PEM',
    'listener.name.mutual.ssl.truststore.location': files.authority,
  };
  for (const [name, { certificatePem, keyPem }] of Object.entries(certificates)) {
    const prefix = `listener.name.${name.toLowerCase()}.ssl.keystore`;
    properties[`${prefix}.type`] = 'PEM';
    properties[`${prefix}.location`] = write(`${name}.pem`, keyPem + certificatePem);
  }
  const module = 'org.apache.kafka.common.security';
  for (const listener of ['login', 'openlogin', 'short']) {
    const prefix = `listener.name.${listener}`;
    properties[`${prefix}.sasl.enabled.mechanisms`] =
      listener === 'openlogin' ? 'PLAIN,SCRAM-SHA-512' : 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER';
    properties[`${prefix}.plain.sasl.jaas.config`] =
      `${module}.plain.PlainLoginModule required user_alice="${PASSWORD}";`;
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'])
      properties[`${prefix}.${mechanism}.sasl.jaas.config`] = `${module}.scram.ScramLoginModule required;`;
    properties[`${prefix}.oauthbearer.sasl.jaas.config`] =
      `${module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`;
  }
  properties['listener.name.short.connections.max.reauth.ms'] = '3000';

  const taps = new Map<ListenerName, Tap>();
  const listeners: KafkaListener[] = [];
  for (const [name, { protocol }] of Object.entries(LISTENERS) as [
    ListenerName,
    { protocol: KafkaListener['protocol'] },
  ][]) {
    const port = await freePort();
    const tap = await startTap(port);
    taps.set(name, tap);
    const advertised = name === 'LOST' ? 'kafka.invalid:9092' : `localhost:${tap.port}`;
    listeners.push({ name, protocol, port, advertised });
  }
  const kafka = await startPrivateKafka({ properties, listeners }, readEnvironment(), (line) =>
    process.stderr.write(`${line}\n`),
  );
  // On a busy machine the first requests to a new broker may fail.
  for (let attempt = 1; ; attempt++) {
    try {
      await addScramUser(kafka.address.brokers[0] ?? '', 'alice', PASSWORD);
      break;
    } catch (error) {
      if (attempt === 5) throw error;
      await pause(1_000);
    }
  }
  return {
    at: (listener) => `localhost:${taps.get(listener)?.port}`,
    taps: (listener) => taps.get(listener)?.first.splice(0) ?? [],
    files,
    folder,
    async stop() {
      await kafka.stop();
      for (const tap of taps.values()) tap.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Tap {
  readonly port: number;
  readonly first: Buffer[];
  close(): void;
}

async function startTap(upstream: number): Promise<Tap> {
  const first: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port: upstream });
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        broker.destroy();
      });
    }
    client.once('data', (bytes) => first.push(Buffer.from(bytes)));
    client.pipe(broker);
    broker.pipe(client);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    first,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function addScramUser(broker: string, name: string, password: string): Promise<void> {
  const [host = '', port = ''] = broker.split(':');
  const connection = new Connection('tests');
  await connection.connect(host, Number(port));
  const iterations = 4_096;
  // The broker accepts one credential of a user in each request.
  for (const [mechanism, bytes, digest] of [
    [1, 32, 'sha256'],
    [2, 64, 'sha512'],
  ] as const) {
    const salt = randomBytes(24);
    const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes, digest);
    await alterUserScramCredentialsV0.api.async(
      connection,
      [],
      [{ name, mechanism, iterations, salt, saltedPassword }],
    );
  }
  await connection.close();
}

/** A token without a signature (RFC 7519, 6). The broker of these tests accepts it. */
export function unsecuredToken(lifeSeconds: number, subject = 'alice'): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  return `${encode({ alg: 'none' })}.${encode({ sub: subject, iat: now - 5, exp: now + lifeSeconds })}.`;
}
