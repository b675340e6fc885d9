import { suggest } from '../cli/suggest.ts';
import { SettingFault } from './fault.ts';

/** What has to be right in the server's certificate: its name and its authority, its authority alone, or nothing. */
export type TlsCheck = 'name' | 'authority' | 'nothing';

/** What the words behind the question mark of a database URL say about TLS. */
export interface UrlTls {
  /** Whether TLS is asked for. Undefined if no word says so. */
  readonly isOn: boolean | undefined;
  readonly check: TlsCheck | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly onlyTls13: boolean;
  /** The given words, for messages. */
  readonly words: string;
}

export const NO_TLS_WORDS: UrlTls = {
  isOn: undefined,
  check: undefined,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  onlyTls13: false,
  words: '',
};

type Say = (words: TlsWords, value: string, word: string) => void;

const OFF = ['disabled', 'disable', 'none', 'off', 'false', '0', 'no'];
const ON = ['required', 'require', 'preferred', 'prefer', 'allow', 'true', '1', 'on', 'yes', ''];

/**
 * The words of providers and drivers for TLS. Case, - and _ do not matter. `preferred`, which leaves the decision to the
 * server, is taken for `required`.
 * Sources: the manuals of MySQL's and MariaDB's clients, Connector/J, MariaDB Connector/J, Go-MySQL-Driver, Prisma,
 * mysql2, mysqlclient and PyMySQL, the mysql2 gem, MySqlConnector, sqlx.
 */
const WORDS: Readonly<Record<string, Say>> = {
  'ssl-mode': (words, value, word) => words.mode(value, word),
  tls: (words, value, word) => words.mode(value, word),
  ssl: (words, value, word) => (value.startsWith('{') ? words.object(value, word) : words.mode(value, word)),
  useSSL: (words, value, word) => words.switch(value, word),
  useTLS: (words, value, word) => words.switch(value, word),
  encrypt: (words, value, word) => words.switch(value, word),
  // False only means that TLS is not forced. Another word says whether there is TLS.
  requireSSL: (words, value, word) => (isTrue(value, word) ? words.turn(true, word) : undefined),
  ssl_disabled: (words, value, word) => words.turn(!isTrue(value, word), word),
  sslaccept: (words, value, word) => words.accept(value, word),
  verifyServerCertificate: (words, value, word) => words.verify(isTrue(value, word), word),
  rejectUnauthorized: (words, value, word) => words.verify(isTrue(value, word), word),
  trustServerCertificate: (words, value, word) => words.verify(!isTrue(value, word), word),
  ssl_verify_cert: (words, value, word) => words.verify(isTrue(value, word), word),
  ssl_verify_server_cert: (words, value, word) => words.verify(isTrue(value, word), word),
  ssl_verify_peer: (words, value, word) => words.verify(isTrue(value, word), word),
  sslverify: (words, value, word) => words.verify(isTrue(value, word), word),
  ssl_verify_identity: (words, value, word) => words.verifyName(isTrue(value, word), word),
  ssl_check_hostname: (words, value, word) => words.verifyName(isTrue(value, word), word),
  disableSslHostnameVerification: (words, value, word) => words.verifyName(!isTrue(value, word), word),
  'ssl-ca': (words, value, word) => words.file('caFile', value, word),
  sslrootcert: (words, value, word) => words.file('caFile', value, word),
  serverSslCert: (words, value, word) => words.file('caFile', value, word),
  CACertificateFile: (words, value, word) => words.file('caFile', value, word),
  'ssl-cert': (words, value, word) => words.file('certFile', value, word),
  sslclientcert: (words, value, word) => words.file('certFile', value, word),
  'ssl-key': (words, value, word) => words.file('keyFile', value, word),
  sslclientkey: (words, value, word) => words.file('keyFile', value, word),
  tlsVersion: (words, value, word) => words.versions(value, word),
  tlsVersions: (words, value, word) => words.versions(value, word),
  enabledTLSProtocols: (words, value, word) => words.versions(value, word),
};

const PEM_FILES = 'give PEM files by ssl-ca, ssl-cert and ssl-key';
const OWN_DOING = 'leave it out: Tributary chooses that itself';

/** Words of other programs, with the remedy for each. */
const REFUSED: Readonly<Record<string, string>> = {
  user: 'write the user before the host, as in mysql://user:password@host/name',
  username: 'write the user before the host, as in mysql://user:password@host/name',
  password: 'write the password before the host, as in mysql://user:password@host/name',
  database: 'write the database behind the host, as in mysql://user:password@host/name',
  socket: 'a socket file is not supported: name the TCP address as the host',
  socketPath: 'a socket file is not supported: name the TCP address as the host',
  unix_socket: 'a socket file is not supported: name the TCP address as the host',
  sslidentity: PEM_FILES,
  sslpassword: `${PEM_FILES}, with a key that has no passphrase`,
  'ssl-capath': PEM_FILES,
  trustCertificateKeyStoreUrl: PEM_FILES,
  clientCertificateKeyStoreUrl: PEM_FILES,
  keyStore: PEM_FILES,
  trustStore: PEM_FILES,
  'ssl-cipher': OWN_DOING,
  characterEncoding: OWN_DOING,
  collation: OWN_DOING,
  timezone: OWN_DOING,
  serverTimezone: OWN_DOING,
  parseTime: OWN_DOING,
  allowPublicKeyRetrieval: OWN_DOING,
  autoReconnect: OWN_DOING,
  multipleStatements: OWN_DOING,
  connectTimeout: OWN_DOING,
  connectionLimit: `${OWN_DOING} (order-sync opens four connections more than ORDER_SYNC_LANES)`,
  connection_limit: `${OWN_DOING} (order-sync opens four connections more than ORDER_SYNC_LANES)`,
};

const normal = (text: string) => text.toLowerCase().replace(/[-_. ]/g, '');
const KNOWN = new Map(Object.entries(WORDS).map(([name, say]) => [normal(name), say]));
const KNOWN_REFUSED = new Map(Object.entries(REFUSED).map(([name, remedy]) => [normal(name), remedy]));

/** Takes one word after the other. Throws a `SettingFault` for an unknown word, and for one that contradicts another. */
export class TlsWords {
  #isOn: { value: boolean; word: string } | undefined;
  #check: { value: TlsCheck; word: string } | undefined;
  /** The word that wants the certificate verified, in whichever way. */
  #strict: string | undefined;
  readonly #files = new Map<'caFile' | 'certFile' | 'keyFile', { value: string; word: string }>();
  #onlyTls13 = false;
  #isPrisma = false;
  readonly #given: string[] = [];

  add(name: string, value: string): void {
    const say = KNOWN.get(normal(name));
    const word = `${name}=${value.startsWith('{') ? '{...}' : value.slice(0, 60)}`;
    if (say !== undefined) {
      this.#given.push(word);
      say(this, value, word);
      return;
    }
    if (normal(name) === 'charset' && /^utf-?8(mb4)?$/i.test(value)) return;
    const remedy = KNOWN_REFUSED.get(normal(name)) ?? (normal(name) === 'charset' ? OWN_DOING : undefined);
    const nearest = suggest(name, Object.keys(WORDS));
    const known = 'ssl-mode, ssl-ca, ssl-cert and ssl-key are known, or use the settings of docs/settings.md';
    throw new SettingFault(
      `"${name}" behind the ? is not understood: ${remedy ?? (nearest === null ? known : `did you mean ${nearest}?`)}`,
    );
  }

  mode(value: string, word: string): void {
    const mode = normal(value);
    if (OFF.includes(mode)) this.turn(false, word);
    else {
      if (mode === 'verifyidentity' || mode === 'verifyfull') this.#want('name', word);
      else if (mode === 'verifyca') this.#want('authority', word);
      else if (mode === 'skipverify' || mode === 'trust') this.#want('nothing', word);
      else if (!ON.includes(mode)) {
        throw new SettingFault(
          `${word} is not understood: write ssl-mode=VERIFY_IDENTITY (or REQUIRED), VERIFY_CA or DISABLED`,
        );
      }
      this.turn(true, word);
    }
  }

  switch(value: string, word: string): void {
    this.turn(isTrue(value, word), word);
  }

  turn(isOn: boolean, word: string): void {
    if (this.#isOn !== undefined && this.#isOn.value !== isOn) throw contradiction(this.#isOn.word, word);
    this.#isOn = { value: isOn, word };
  }

  verify(isVerified: boolean, word: string): void {
    if (isVerified) this.#strict = word;
    else this.#want('nothing', word);
  }

  verifyName(isVerified: boolean, word: string): void {
    this.#want(isVerified ? 'name' : 'authority', word);
  }

  accept(value: string, word: string): void {
    this.#isPrisma = true;
    const accepted = normal(value);
    if (accepted === 'strict') this.#want('name', word);
    else if (accepted === 'acceptinvalidcerts') this.#want('nothing', word);
    else throw new SettingFault(`${word} is not understood: write sslaccept=strict`);
  }

  file(which: 'caFile' | 'certFile' | 'keyFile', value: string, word: string): void {
    const known = this.#files.get(which);
    if (value === '') throw new SettingFault(`${word} names no file: name a PEM file`);
    if (value.includes('-----BEGIN'))
      throw new SettingFault(
        `${word.split('=')[0]} holds a certificate or key: name the PEM file that has it`,
      );
    if (known !== undefined && known.value !== value) throw contradiction(known.word, word);
    this.#files.set(which, { value, word });
  }

  /** The form of mysql2 and PlanetScale: `ssl={"rejectUnauthorized":true}`. */
  object(value: string, word: string): void {
    let content: unknown;
    try {
      content = JSON.parse(value);
    } catch {
      throw new SettingFault(`${word} is no JSON: write ssl-mode=REQUIRED`);
    }
    for (const [key, item] of Object.entries(content as Record<string, unknown>)) {
      if (key === 'rejectUnauthorized' && typeof item === 'boolean') this.verify(item, word);
      else if (key === 'minVersion' && typeof item === 'string') this.versions(item, word);
      else {
        throw new SettingFault(
          `"${key}" in ssl={...} is not understood: write rejectUnauthorized there, and ${PEM_FILES}`,
        );
      }
    }
    this.turn(true, 'ssl={...}');
  }

  versions(value: string, word: string): void {
    const versions = value.split(',').map((version) =>
      version
        .trim()
        .toLowerCase()
        .replace(/^tlsv?/, ''),
    );
    if (!versions.every((version) => version === '1.2' || version === '1.3'))
      throw new SettingFault(`${word} is not understood: TLSv1.2 and TLSv1.3 are spoken`);
    this.#onlyTls13 = !versions.includes('1.2');
  }

  result(): UrlTls {
    this.#readPrisma();
    const [ca, cert, key] = (['caFile', 'certFile', 'keyFile'] as const).map((which) =>
      this.#files.get(which),
    );
    if ((cert === undefined) !== (key === undefined)) {
      throw new SettingFault(
        cert === undefined
          ? `${key?.word} needs the certificate too: add ssl-cert`
          : `${cert.word} needs its key too: add ssl-key (the authority that signs the server's certificate is ssl-ca)`,
      );
    }
    const strict = this.#strict ?? (ca ?? cert ?? key)?.word;
    if (this.#check?.value === 'nothing' && this.#strict !== undefined)
      throw contradiction(this.#check.word, this.#strict);
    const wantsTls = strict ?? (this.#check?.value === 'nothing' ? undefined : this.#check?.word);
    if (this.#isOn?.value === false && wantsTls !== undefined) throw contradiction(this.#isOn.word, wantsTls);
    return {
      isOn: this.#isOn?.value ?? (wantsTls !== undefined || this.#check !== undefined ? true : undefined),
      check: this.#check?.value,
      caFile: ca?.value,
      certFile: cert?.value,
      keyFile: key?.value,
      onlyTls13: this.#onlyTls13,
      words: this.#given.join('&'),
    };
  }

  /** Reads Prisma's words: its `sslcert` is the certificate of the authority. */
  #readPrisma(): void {
    const cert = this.#files.get('certFile');
    if (!this.#isPrisma || cert === undefined || this.#files.has('keyFile')) return;
    this.#files.delete('certFile');
    if (!this.#files.has('caFile')) this.#files.set('caFile', cert);
  }

  #want(check: TlsCheck, word: string): void {
    if (this.#check !== undefined && this.#check.value !== check) throw contradiction(this.#check.word, word);
    this.#check = { value: check, word };
  }
}

function isTrue(value: string, word: string): boolean {
  const lower = value.toLowerCase();
  if (['true', '1', 'yes', 'on', ''].includes(lower)) return true;
  if (['false', '0', 'no', 'off'].includes(lower)) return false;
  throw new SettingFault(`${word} is not understood: write true or false`);
}

function contradiction(one: string, other: string): SettingFault {
  return new SettingFault(`${one} and ${other} contradict each other: keep one of them`);
}
