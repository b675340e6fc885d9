import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../../src/adapters/mysql/connection.ts';
import { ConnectionPool } from '../../../src/adapters/mysql/connection-pool.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openStates } from '../../../src/apps/order-mgt/states/mysql/open.ts';
import { openStore } from '../../../src/apps/shared/parts/open-store.ts';
import { type DatabaseValues, databaseOf } from '../../../src/apps/shared/settings/known/database.ts';
import { orders } from '../../../src/orders/index.ts';
import { type CertificateRequest, makeCertificate } from '../../helpers/certificates.ts';
import { services } from '../../services/context.ts';
import { type RunningServices, startServices } from '../../services/index.ts';

type ServerName = 'mysql' | 'mariadb';

describe.skipIf(services().lacks('mysql'))('TLS to MySQL', () => describeTls('mysql'));
describe.skipIf(services().lacks('mariadb'))('TLS to MariaDB', () => describeTls('mariadb'));

/** Makes an RSA certificate, because MySQL 8.0.15 does not support elliptic curves. */
const make = (request: CertificateRequest) => makeCertificate({ ...request, keyType: 'rsa' });

const authority = make({ commonName: 'tests', isAuthority: true });
const stranger = make({ commonName: 'another authority', isAuthority: true });
const CERTIFICATES = {
  /** Signed by the private authority for the address that the tests connect to, and for a name. */
  address: make({ commonName: 'database', names: ['127.0.0.1', 'db.test'], issuer: authority }),
  /** Signed by the same authority for another name. */
  otherName: make({ commonName: 'database', names: ['localhost', 'db.test'], issuer: authority }),
  expired: make({
    commonName: 'database',
    names: ['127.0.0.1'],
    issuer: authority,
    validFrom: new Date(Date.now() - 20 * 86_400_000),
    validTo: new Date(Date.now() - 86_400_000),
  }),
  selfSigned: make({ commonName: 'database', names: ['127.0.0.1'] }),
};
const CLIENT = make({ commonName: 'sync', issuer: authority });
type Kind = keyof typeof CERTIFICATES | 'none';
const KINDS: readonly Kind[] = ['address', 'otherName', 'expired', 'selfSigned', 'none'];

/** Every way to ask for a connection that is encrypted and verified. */
const ASKING = [
  'ssl-mode=REQUIRED',
  'ssl-mode=VERIFY_IDENTITY',
  'ssl-mode=PREFERRED',
  'sslmode=require',
  'sslMode=verify-full',
  'ssl_mode=verify_identity',
  'tls=true',
  'tls=preferred',
  'ssl=true',
  'useSSL=true',
  'useSSL=true&requireSSL=true',
  'requireSSL=true',
  'verifyServerCertificate=true',
  'sslaccept=strict',
  'ssl_verify_cert=true&ssl_verify_identity=true',
  'ssl={"rejectUnauthorized":true}',
  'ssl={"minVersion":"TLSv1.2","rejectUnauthorized":true}',
];
/** Ways to ask for a connection that is encrypted but not verified. */
const UNVERIFIED = [
  'tls=skip-verify',
  'sslaccept=accept_invalid_certs',
  'useSSL=true&verifyServerCertificate=false',
  'ssl={"rejectUnauthorized":false}',
];

function describeTls(name: ServerName): void {
  const running = new Map<Kind, RunningServices>();
  let folder: string;
  let caFile: string;
  let certFile: string;
  let keyFile: string;
  let ownFile: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-tls-'));
    const write = async (file: string, text: string) => {
      await writeFile(join(folder, file), text);
      return join(folder, file);
    };
    caFile = await write('ca.pem', authority.certificatePem);
    certFile = await write('client.pem', CLIENT.certificatePem);
    keyFile = await write('client-key.pem', CLIENT.keyPem);
    ownFile = await write('stranger.pem', stranger.certificatePem);
    for (const kind of KINDS) running.set(kind, await start(kind, write));
  }, 400_000);

  afterAll(async () => {
    for (const server of running.values()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(
    kind: Kind,
    write: (file: string, text: string) => Promise<string>,
  ): Promise<RunningServices> {
    if (kind === 'none') return startServices({ [name]: { isInMemory: true, arguments: ['--skip-ssl'] } });
    const { certificatePem, keyPem } = CERTIFICATES[kind];
    return startServices({
      [name]: {
        isInMemory: true,
        arguments: [
          `--ssl-ca=${caFile}`,
          `--ssl-cert=${await write(`${kind}.pem`, certificatePem)}`,
          `--ssl-key=${await write(`${kind}-key.pem`, keyPem)}`,
        ],
      },
    });
  }

  const urlOf = (kind: Kind) => (running.get(kind) as RunningServices)[name].url;
  const at = (kind: Kind, query: string, more: Omit<DatabaseValues, 'databaseUrl'> = {}): DatabaseValues => ({
    databaseUrl: `${urlOf(kind)}?${query}`,
    ...more,
  });

  /** The cipher of a session with these settings; empty for plain text. */
  async function cipherOf(values: DatabaseValues): Promise<string> {
    const database = databaseOf(values, 'DATABASE');
    if (database.kind !== 'mysql') throw new Error('This is a server.');
    const { address, tls } = database;
    const pool = new ConnectionPool({
      address,
      tls,
      connections: 1,
      clock: systemClock,
      remedies: { setting: 'DATABASE_URL', setUp: '' },
      commitEvidence: 'the test',
    });
    try {
      return await withConnection(pool, async (connection) => {
        const [[row]] = (await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")) as never as [
          [[string, string]],
        ];
        return row[1];
      });
    } finally {
      await pool.close();
    }
  }

  async function asRoot(kind: Kind, ...statements: readonly string[]): Promise<void> {
    const connection = await mysql.createConnection({
      uri: urlOf(kind),
      ...(kind === 'none' ? {} : { ssl: { rejectUnauthorized: false } }),
    });
    for (const statement of statements) await connection.query(statement);
    await connection.end();
  }

  it('TLS is used and verified with every spelling of the URL parameter that asks for it', async () => {
    for (const query of ASKING) {
      expect([query, await cipherOf(at('address', query, { databaseTlsCaFile: caFile }))]).toEqual([
        query,
        expect.stringMatching(/./),
      ]);
      expect([query, await cipherOf(at('address', `${query}&ssl-ca=${caFile}`))]).toEqual([
        query,
        expect.stringMatching(/./),
      ]);
    }
  });

  it('plain text never replaces TLS if the server has none', async () => {
    for (const query of [...ASKING, ...UNVERIFIED]) {
      await expect(cipherOf(at('none', query)), query).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringContaining('speaks no TLS'),
      });
    }
    await expect(cipherOf(at('none', '', { databaseTls: 'required' }))).rejects.toMatchObject({
      message: expect.stringContaining('DATABASE_TLS=off'),
    });
    expect(await cipherOf(at('none', ''))).toBe('');
  });

  it('a certificate of an unknown authority is refused with every spelling', async () => {
    const remedy = { code: 'store_refused', message: expect.stringContaining('DATABASE_TLS_CA_FILE') };
    for (const query of ASKING) {
      await expect(cipherOf(at('address', query)), query).rejects.toMatchObject(remedy);
      await expect(cipherOf(at('selfSigned', `${query}&ssl-ca=${caFile}`)), query).rejects.toMatchObject(
        remedy,
      );
    }
    const stranger = { databaseTls: 'required', databaseTlsCaFile: ownFile } as const;
    await expect(cipherOf(at('address', '', stranger))).rejects.toMatchObject(remedy);
  });

  it('a certificate for another name is refused, unless the name is not verified or is set', async () => {
    const given = { databaseTlsCaFile: caFile };
    for (const query of ASKING) {
      await expect(cipherOf(at('otherName', query, given)), query).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringContaining('DATABASE_TLS_SERVER_NAME'),
      });
    }
    const named = (databaseTlsServerName: string) =>
      ({ ...given, databaseTls: 'required', databaseTlsServerName }) as const;
    expect(await cipherOf(at('otherName', '', named('db.test')))).not.toBe('');
    expect(await cipherOf(at('otherName', 'ssl-mode=VERIFY_CA', given))).not.toBe('');
    await expect(cipherOf(at('otherName', '', named('other.test')))).rejects.toThrow('another name');
    await expect(cipherOf(at('address', '', named('127.0.0.2')))).rejects.toThrow('another name');
    const local = { ...at('otherName', 'tls=true', given) };
    const byName = { ...local, databaseUrl: local.databaseUrl.replace('127.0.0.1', 'localhost') };
    expect(await cipherOf(byName)).not.toBe('');
    const wrong = { ...at('address', 'tls=true', given) };
    await expect(
      cipherOf({ ...wrong, databaseUrl: wrong.databaseUrl.replace('127.0.0.1', 'localhost') }),
    ).rejects.toThrow('another name');
  });

  it('an expired certificate is refused', async () => {
    for (const query of [...ASKING, 'ssl-mode=VERIFY_CA']) {
      await expect(
        cipherOf(at('expired', query, { databaseTlsCaFile: caFile })),
        query,
      ).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringContaining('not valid at this time'),
      });
    }
  });

  it('the certificate is not verified only if the parameter says so, and TLS is used all the same', async () => {
    for (const kind of ['address', 'otherName', 'expired', 'selfSigned'] as const) {
      for (const query of UNVERIFIED) expect(await cipherOf(at(kind, query)), query).not.toBe('');
    }
    expect(await cipherOf(at('selfSigned', '', { databaseTls: 'required-without-verification' }))).not.toBe(
      '',
    );
  });

  it('a client certificate is sent to a server that requires one, and an error names the setting without one', async () => {
    await asRoot(
      'address',
      "CREATE USER 'x509'@'%' IDENTIFIED BY 'secret' REQUIRE X509",
      "GRANT ALL ON event_synchronization.* TO 'x509'@'%'",
    );
    const values = at('address', '', { databaseTls: 'required', databaseTlsCaFile: caFile });
    const login = { ...values, databaseUrl: values.databaseUrl.replace('root@', 'x509:secret@') };
    await expect(cipherOf(login)).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining('DATABASE_TLS_CERT_FILE'),
    });
    const shown = { databaseTlsCertFile: certFile, databaseTlsKeyFile: keyFile };
    expect(await cipherOf({ ...login, ...shown })).not.toBe('');
    await expect(
      cipherOf({
        ...login,
        databaseTlsCertFile: certFile,
        databaseTlsKeyFile: join(folder, 'address-key.pem'),
      }),
    ).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringContaining('the key of the certificate'),
    });
  });

  it('the error names the setting that helps if a server or a user accepts TLS alone', async () => {
    await asRoot(
      'address',
      "CREATE USER 'ssl'@'%' IDENTIFIED BY 'secret' REQUIRE SSL",
      'SET GLOBAL require_secure_transport = ON',
    );
    const plain = at('address', '');
    try {
      await expect(cipherOf(plain)).rejects.toMatchObject({
        code: 'store_refused',
        retryable: false,
        message: expect.stringContaining('set DATABASE_TLS=required'),
      });
    } finally {
      await asRoot('address', 'SET GLOBAL require_secure_transport = OFF');
    }
    const user = { ...plain, databaseUrl: plain.databaseUrl.replace('root@', 'ssl:secret@') };
    await expect(cipherOf(user)).rejects.toThrow('set DATABASE_TLS=required');
  });

  it('the settings of order-sync and of order-mgt lead to TLS', async () => {
    await asRoot('address', 'SET GLOBAL require_secure_transport = ON');
    try {
      const values = at('address', '', { databaseTls: 'required', databaseTlsCaFile: caFile });
      const clock = systemClock;
      const logger = () => undefined;
      const opened = await openStore(values, { clock, logger, targets: ['order-mgt'], lanes: 1 });
      const { view } = orders;
      const { store } = await opened.migrate({ view, targets: ['order-mgt'], adopt: null, nowMs: 0 });
      expect(await store.health()).toEqual({ ok: true });
      await opened.close();
      const server = databaseOf(values, 'ORDER_MGT_DATABASE');
      if (server.kind !== 'mysql') throw new Error('This is a server.');
      const states = await openStates({ ...server, clock, logger });
      expect(await states.health()).toEqual({ ok: true });
      await states.close();
      await expect(openStates({ ...server, tls: null, clock, logger })).rejects.toThrow(
        'set ORDER_MGT_DATABASE_TLS=required',
      );
    } finally {
      await asRoot('address', 'SET GLOBAL require_secure_transport = OFF');
    }
  });
}
