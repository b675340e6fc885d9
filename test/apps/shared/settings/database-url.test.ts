import { describe, expect, it } from 'vitest';
import { redact } from '../../../../src/apps/shared/process/redact.ts';
import { maskDatabaseUrl, parseDatabaseUrl } from '../../../../src/apps/shared/settings/database-url.ts';
import {
  databaseFaults,
  databaseOf,
  warnOfOpenConnection,
} from '../../../../src/apps/shared/settings/known/database.ts';

const SERVER = 'mysql://sync:secret@db.example:3307/event_synchronization';

function tlsOf(query: string) {
  const url = parseDatabaseUrl(`${SERVER}?${query}`);
  if (url.kind !== 'mysql') throw new Error('This is a server.');
  const { isOn, check, caFile, certFile, keyFile, onlyTls13 } = url.tls;
  return { isOn, check, caFile, certFile, keyFile, onlyTls13 };
}

/** What the URL has verified, or null for plain text. */
function checkOf(query: string): string | null {
  const database = databaseOf({ databaseUrl: `${SERVER}?${query}` }, 'DATABASE');
  return database.kind === 'mysql' && database.tls !== null ? database.tls.check : null;
}

it.each(['mysql', 'sys', 'information_schema', 'PERFORMANCE_SCHEMA'])(
  'a database URL does not name %s, which the server keeps for itself',
  (name) => {
    expect(() => parseDatabaseUrl(`mysql://sync:secret@host/${name}`)).toThrow(/keeps for itself/);
  },
);

describe('a database URL', () => {
  it.each([
    [SERVER, { host: 'db.example', port: 3307, user: 'sync', password: 'secret' }],
    ['mariadb://sync:secret@db.example/name', { host: 'db.example', port: 3306, database: 'name' }],
    ['MYSQL://sync@127.0.0.1:3306/name', { user: 'sync', password: '', host: '127.0.0.1' }],
    ['mysql://sync:a:b@[::1]:3307/name', { host: '::1', port: 3307, password: 'a:b' }],
    ['mysql://sync:x@[2001:db8::7]/name', { host: '2001:db8::7', port: 3306 }],
    ['mysql://sync:p%23s%401%2F%25x%3F%3A@host/name', { password: 'p#s@1/%x?:' }],
    ['mysql://s%C3%A4:p%C3%A4ss@host/n%20me', { user: 'sä', password: 'päss', database: 'n me' }],
    ['mysql://sync:pässwörd+&=;,!$@host/name', { password: 'pässwörd+&=;,!$' }],
    ['mysql://host/name', { user: '', password: '', host: 'host' }],
    ['mysql://sync:x@host/name?', { database: 'name' }],
    ['mysql://sync:x@host/name?charset=utf8mb4', { database: 'name' }],
    ['sqlite:.tributary/order-sync.sqlite', { kind: 'sqlite', file: '.tributary/order-sync.sqlite' }],
    ['sqlite:/data/my file?#%.sqlite', { kind: 'sqlite', file: '/data/my file?#%.sqlite' }],
    ['sqlite:///data/a.sqlite', { kind: 'sqlite', file: '/data/a.sqlite' }],
  ])('gets split into its parts: %s', (url, parts) => {
    expect(parseDatabaseUrl(url)).toMatchObject(parts);
  });

  it.each([
    ['mysql://sync:p#s@host/name', 'write # as %23'],
    ['mysql://sync:p%@host/name', 'write % as %25'],
    ['mysql://sync:p%zz@host/name', 'write % as %25'],
    ['mysql://sync:p@s@host/name', 'write @ as %40'],
    ['mysql://sync:p/s@host/name', 'write / as %2F'],
    ['mysql://sync:p?s@host/name', 'write ? as %3F'],
    ['mysql://sync:p#s@1/%x?@host/name', 'write # as %23'],
    ['mysql://sync:p@s/1@host/name', 'write / as %2F'],
    ['mysql://sync:p@s?1@host/name', 'write ? as %3F'],
    ['mysql://sync:p%FF@host/name', 'are no UTF-8'],
    ['mysql://sync:p%00@host/name', 'control characters'],
    ['mysql://sync:secret@host', 'name the database too'],
    ['mysql://sync:secret@host/', 'name the database too'],
    ['mysql://sync:secret@host/name/more', 'name one database'],
    ['mysql://sync:secret@host:0/name', 'from 1 to 65535'],
    ['mysql://sync:secret@host:99999/name', 'from 1 to 65535'],
    ['mysql://sync:secret@host:33o6/name', 'give host:port'],
    ['mysql://sync:secret@::1/name', 'an IPv6 address in brackets'],
    ['mysql://sync:secret@[::g]/name', 'is no host name'],
    ['mysql://sync:secret@a:1,b:2/name', 'name one host'],
    ['mysql://sync:secret@%2Frun%2Fmysqld.sock/name', 'a socket file is not supported'],
    ['jdbc:mysql://host/name', 'leave "jdbc:" out'],
    ['mysql2://host/name', 'give a URL like mysql://'],
    ['mysqlx://host/name', 'give a URL like mysql://'],
    ['postgres://host/name', 'give a URL like mysql://'],
    ['mysql:host/name', 'give a URL like mysql://'],
    ['event_synchronization', 'give a URL like mysql://'],
    ['sqlite:', 'name the file too'],
  ])('gets refused with the right form: %s', (url, remedy) => {
    expect(() => parseDatabaseUrl(url)).toThrow(remedy);
  });

  it('never shows its password, and examples in messages stay whole', () => {
    for (const url of [
      'mysql://sync:se#cr@et@host/name',
      'mysql://sync:se/cr?et@host/name',
      'mysql://sync:se%cret@host/name',
      'mysql://sync:secret/name',
      'mysql://sync:secret',
      'mysql://sync:x@host/name?password=secret&ssl-mode=REQUIRED',
    ]) {
      expect(maskDatabaseUrl(url)).not.toMatch(/se.?cr.?et/);
      expect(redact(maskDatabaseUrl(url))).not.toMatch(/se.?cr.?et/);
    }
    expect(maskDatabaseUrl('mysql://sync:first@second@host/name')).toBe('mysql://********@host/name');
    expect(maskDatabaseUrl('mysql://host:3306/name?ssl-key=a.pem')).toBe(
      'mysql://host:3306/name?ssl-key=a.pem',
    );
    expect(redact('give mysql://user:password@host:3306/x, not mysql://root:tiger@host/x')).toBe(
      'give mysql://user:password@host:3306/x, not mysql://********@host/x',
    );
  });
});

describe('the words for TLS in a database URL', () => {
  it.each([
    'ssl-mode=REQUIRED',
    'sslmode=require',
    'sslMode=VERIFY_IDENTITY',
    'ssl_mode=verify_identity',
    'sslmode=verify-full',
    'SslMode=VerifyFull',
    'ssl-mode=PREFERRED',
    'tls=true',
    'tls=preferred',
    'ssl=true',
    'ssl=1',
    'ssl',
    'useSSL=true',
    'useSSL=true&requireSSL=true',
    'useSSL=true&verifyServerCertificate=true',
    'requireSSL=true',
    'verifyServerCertificate=true',
    'trustServerCertificate=false',
    'sslaccept=strict',
    'ssl_verify_cert=true',
    'ssl_verify_cert=true&ssl_verify_identity=true',
    'sslverify=true',
    'ssl_disabled=false',
    `ssl=${encodeURIComponent('{"rejectUnauthorized":true}')}`,
    'ssl={"minVersion":"TLSv1.2","rejectUnauthorized":true}',
  ])('parseDatabaseUrl verifies name and authority for %s', (query) => {
    expect(checkOf(query)).toBe('name');
  });

  it.each(['ssl-mode=VERIFY_CA', 'sslMode=verify-ca', 'tls=true&ssl_check_hostname=false'])(
    'parseDatabaseUrl verifies the authority alone for %s',
    (query) => {
      expect(checkOf(query)).toBe('authority');
    },
  );

  it.each([
    'tls=skip-verify',
    'sslMode=trust',
    'sslaccept=accept_invalid_certs',
    'useSSL=true&requireSSL=true&verifyServerCertificate=false',
    'useSSL=true&trustServerCertificate=true',
    'ssl={"rejectUnauthorized":false}',
    'ssl_verify_cert=false',
    'ssl-verify-server-cert=0',
  ])('parseDatabaseUrl verifies nothing for %s', (query) => {
    expect(checkOf(query)).toBe('nothing');
  });

  it.each([
    '',
    'ssl-mode=DISABLED',
    'sslmode=disable',
    'ssl=false',
    'tls=false',
    'useSSL=false',
    'SslMode=None',
    'useSSL=false&verifyServerCertificate=false',
    'requireSSL=false',
    'ssl_disabled=true',
  ])('parseDatabaseUrl turns no TLS on for "%s"', (query) => {
    expect(checkOf(query)).toBeNull();
  });

  it.each([
    ['tlsVersions=TLSv1.2', false],
    ['tlsVersions=TLSv1.3', true],
    ['tlsVersions=TLSv1.2,TLSv1.3', false],
    ['ssl={"minVersion":"TLSv1.3"}', true],
  ])('parseDatabaseUrl allows TLS 1.3 alone for %s: %s', (query, onlyTls13) => {
    expect(tlsOf(query)).toMatchObject({ onlyTls13 });
  });

  it('parseDatabaseUrl reads the files of the authority and of the own certificate', () => {
    const files = { caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem' };
    expect(tlsOf('ssl-ca=/ca.pem&ssl-cert=/c.pem&ssl-key=/k.pem')).toMatchObject({ isOn: true, ...files });
    expect(tlsOf('sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem')).toMatchObject({ isOn: true, ...files });
    expect(tlsOf('sslaccept=strict&sslcert=/ca.pem')).toMatchObject({ isOn: true, caFile: '/ca.pem' });
    expect(tlsOf('sslaccept=strict&sslcert=/ca.pem').certFile).toBeUndefined();
  });

  it.each([
    ['ssl-mod=REQUIRED', 'did you mean ssl-mode?'],
    ['usessll=true', 'did you mean useSSL?'],
    ['ssl-mode=REQIRED', 'write ssl-mode=VERIFY_IDENTITY (or REQUIRED)'],
    ['ssl=Amazon RDS', 'write ssl-mode=VERIFY_IDENTITY'],
    ['ssl={"ca":"x"}', 'is not understood'],
    ['ssl={rejectUnauthorized:true}', 'is no JSON'],
    ['ssl=true&ssl-mode=DISABLED', 'contradict each other'],
    ['useSSL=true&ssl_disabled=true', 'contradict each other'],
    ['ssl-mode=DISABLED&ssl-ca=/ca.pem', 'contradict each other'],
    ['ssl-mode=DISABLED&sslaccept=strict', 'contradict each other'],
    ['ssl-mode=VERIFY_CA&sslaccept=strict', 'contradict each other'],
    ['tls=skip-verify&rejectUnauthorized=true', 'contradict each other'],
    ['ssl-ca=/a.pem&sslrootcert=/b.pem', 'contradict each other'],
    ['ssl-cert=/c.pem', 'needs its key too'],
    ['ssl-key=/k.pem', 'needs the certificate too'],
    ['sslidentity=/client.p12', 'give PEM files'],
    ['trustCertificateKeyStoreUrl=file:ca.jks', 'give PEM files'],
    ['tlsVersions=TLSv1.1,TLSv1.2', 'TLSv1.2 and TLSv1.3 are spoken'],
    ['connectionLimit=20', 'leave it out'],
    ['timezone=Z', 'leave it out'],
    ['charset=latin1', 'leave it out'],
    ['user=root', 'write the user before the host'],
    ['socketPath=/run/mysqld.sock', 'a socket file is not supported'],
    ['flags=-SSL', 'is not understood'],
    ['rowsAsArray=false', 'is not understood'],
    ['stream=x', 'is not understood'],
  ])('parseDatabaseUrl refuses %s', (query, remedy) => {
    expect(() => tlsOf(query)).toThrow(remedy);
  });
});

describe('the settings for TLS to the database', () => {
  const values = (more: object, query = '') => ({ databaseUrl: `${SERVER}${query}`, ...more });

  it.each([
    ['required', 'name'],
    ['required-without-name', 'authority'],
    ['required-without-verification', 'nothing'],
  ] as const)('databaseOf verifies what DATABASE_TLS=%s says', (databaseTls, check) => {
    const server = { databaseTls, databaseTlsServerName: 'db' };
    expect(databaseOf(values(server), 'DATABASE')).toMatchObject({ tls: { check, serverName: 'db' } });
    // A word that only asks for TLS contradicts none of these settings.
    expect(databaseFaults(values(server, '?ssl-mode=REQUIRED'), 'DATABASE')).toEqual([]);
  });

  it.each([
    [values({ databaseTls: 'off' }, '?ssl-mode=REQUIRED'), 'keep one of them'],
    [values({ databaseTls: 'required' }, '?ssl-mode=DISABLED'), 'keep one of them'],
    [values({ databaseTls: 'required' }, '?tls=skip-verify'), 'keep one of them'],
    [values({ databaseTls: 'required-without-verification' }, '?ssl-mode=VERIFY_CA'), 'keep one of them'],
    [values({ databaseTlsCaFile: '/ca.pem' }), 'set DATABASE_TLS=required'],
    [values({ databaseTls: 'off', databaseTlsCaFile: '/ca.pem' }), 'set DATABASE_TLS=required'],
    [values({ databaseTlsCaFile: '/a.pem' }, '?ssl-ca=/b.pem'), 'name different files'],
    [values({ databaseTls: 'required', databaseTlsCertFile: '/c.pem' }), 'set both'],
    [{ databaseUrl: 'sqlite:a', databaseTls: 'required' as const }, 'names a file'],
    [{ databaseUrl: 'sqlite:a', databaseTlsCaFile: '/ca.pem' }, 'names a file'],
  ])('databaseFaults names the contradiction in %o', (given, remedy) => {
    expect(databaseFaults(given, 'DATABASE')).toEqual([expect.stringContaining(remedy)]);
  });

  it.each([
    ['mysql://sync:x@db.example/name', {}, 'Set DATABASE_TLS=required'],
    ['mysql://sync:x@10.0.0.7/name', { databaseTls: 'off' as const }, 'Set DATABASE_TLS=required'],
    ['mysql://sync:x@127.0.0.1/name?tls=skip-verify', {}, 'set DATABASE_TLS=required'],
    ['mysql://sync:x@db.example/name?ssl-mode=REQUIRED', {}, null],
    ['mysql://sync:x@127.0.0.1/name', {}, null],
    ['mysql://sync:x@[::1]/name', {}, null],
    ['sqlite:file', {}, null],
  ])('warnOfOpenConnection warns only about an open connection: %s %o', (url, more, remedy) => {
    const lines: string[] = [];
    const database = databaseOf({ databaseUrl: url, ...more }, 'DATABASE');
    warnOfOpenConnection(database, 'DATABASE', (level, message) => lines.push(`${level} ${message}`));
    expect(lines).toEqual(remedy === null ? [] : [expect.stringMatching(`^warn .*${remedy}`)]);
  });

  it('databaseOf refuses a missing file, and one that is no PEM file', () => {
    const missing = values({ databaseTls: 'required', databaseTlsCaFile: '/not/there.pem' });
    expect(() => databaseOf(missing, 'DATABASE')).toThrow('DATABASE_TLS_CA_FILE');
    const other = values({
      databaseTls: 'required',
      databaseTlsCaFile: new URL('../../../../package.json', import.meta.url).pathname,
    });
    expect(() => databaseOf(other, 'ORDER_MGT_DATABASE')).toThrow(/^ORDER_MGT_DATABASE_TLS_CA_FILE/);
  });
});
