import { isIPv6 } from 'node:net';
import { SettingFault } from './fault.ts';
import { NO_TLS_WORDS, TlsWords, type UrlTls } from './tls-words.ts';

/** The parts of a database URL. A driver gets these and nothing else. */
export type DatabaseUrl =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'mysql';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
      readonly tls: UrlTls;
    };

const EXAMPLE = 'mysql://user:password@host:3306/event_synchronization';
const DEFAULT_PORT = 3306;
/** Characters that end a part of a URL, and the escapes for them in user names and passwords. */
const ESCAPES = { '#': '%23', '%': '%25', '/': '%2F', '?': '%3F', '@': '%40' } as const;

/** Databases of MySQL and MariaDB themselves. */
const OF_SERVER: ReadonlySet<string> = new Set(['mysql', 'sys', 'information_schema', 'performance_schema']);

/**
 * Reads `mysql://user:password@host:port/database?words`, `mariadb://...` or `sqlite:file`. Throws a `SettingFault` that says
 * what to write instead, for a character that has to be escaped, a missing part, or an unknown word behind the question mark.
 * Source: RFC 3986, 3.
 */
export function parseDatabaseUrl(given: string): DatabaseUrl {
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(given.trim()) ?? [];
  const name = scheme.toLowerCase();
  if (name === 'sqlite') {
    const file = rest.replace(/^\/\/(?=\/)/, '');
    if (file === '' || file.startsWith('//'))
      throw new SettingFault('name the file too, as in sqlite:.tributary/order-sync.sqlite');
    return { kind: 'sqlite', file };
  }
  if (name === 'jdbc') throw new SettingFault(`leave "jdbc:" out, as in ${EXAMPLE}`);
  if ((name !== 'mysql' && name !== 'mariadb') || !rest.startsWith('//')) {
    throw new SettingFault(
      `give a URL like ${EXAMPLE} or sqlite:file (it has to start with mysql://, mariadb:// or sqlite:)`,
    );
  }
  return parseServer(rest.slice(2));
}

function parseServer(text: string): DatabaseUrl {
  refuse('#', text.includes('#'));
  const [, authority = '', path = '', query] = /^([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const hasLogin = at !== -1;
  // A raw sign in a password ends its part too soon. Then the @ before the host stands in a later part.
  refuse('/', path.includes('@'));
  refuse('?', query?.includes('@') === true && (!hasLogin || path.length < 2));
  const login = hasLogin ? authority.slice(0, at) : '';
  refuse('@', login.includes('@'));
  const colon = login.indexOf(':');
  const user = colon === -1 ? login : login.slice(0, colon);
  const password = colon === -1 ? '' : login.slice(colon + 1);
  const { host, port } = parseHost(authority.slice(at + 1));
  const database = decoded(path.slice(1), 'the database');
  if (database === '') throw new SettingFault(`name the database too, as in ${EXAMPLE}`);
  if (database.includes('/'))
    throw new SettingFault(`name one database behind the host, without a further slash, as in ${EXAMPLE}`);
  if (OF_SERVER.has(database.toLowerCase()))
    throw new SettingFault(
      `${database} is a database that the server keeps for itself: make another one (CREATE DATABASE), as in ${EXAMPLE}`,
    );
  return {
    kind: 'mysql',
    host,
    port,
    user: decoded(user, 'the user'),
    password: decoded(password, 'the password'),
    database,
    tls: query === undefined || query === '' ? NO_TLS_WORDS : parseQuery(query),
  };
}

/** Throws if the sign is there. Such a sign only belongs where two parts of the URL meet. */
function refuse(sign: keyof typeof ESCAPES, isThere: boolean): void {
  if (!isThere) return;
  const others = Object.entries(ESCAPES)
    .filter(([other]) => other !== sign)
    .map(([other, written]) => `${other} as ${written}`);
  throw new SettingFault(
    `in a user name or a password write ${sign} as ${ESCAPES[sign]} (and ${others.join(', ')}), as in ` +
      'mysql://user:pass%23word@host:3306/event_synchronization',
  );
}

function decoded(text: string, what: string): string {
  refuse('%', /%(?![0-9A-Fa-f]{2})/.test(text));
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw new SettingFault(
      `the %-escapes in ${what} are no UTF-8: write each byte of the UTF-8 form as % and two hex digits`,
    );
  }
  if (/\p{Cc}/u.test(plain)) throw new SettingFault(`take the control characters out of ${what}`);
  return plain;
}

function parseHost(text: string): { host: string; port: number } {
  if (text.includes(',')) {
    throw new SettingFault(
      'name one host: for several servers name a proxy or a DNS name that leads to the writable one',
    );
  }
  const bracketed = /^\[([^\]]*)\](?::(\d*))?$/.exec(text);
  const plain = /^([^:]*)(?::(\d*))?$/.exec(text);
  const match = bracketed ?? plain;
  if (match === null) {
    throw new SettingFault(
      `give host:port behind the @, and an IPv6 address in brackets, as in mysql://user:password@[::1]:3306/name`,
    );
  }
  const host = decoded(match[1] ?? '', 'the host');
  const isValid = bracketed === null ? /^[\p{L}\p{N}._-]*$/u.test(host) : isIPv6(host);
  if (!isValid) {
    const socket = host.includes('/') ? ' (a socket file is not supported: name the TCP address)' : '';
    throw new SettingFault(`"${host}" is no host name and no address${socket}, as in ${EXAMPLE}`);
  }
  const port = match[2] === undefined || match[2] === '' ? DEFAULT_PORT : Number(match[2]);
  if (port < 1 || port > 65_535) throw new SettingFault(`the port is ${match[2]}: give one from 1 to 65535`);
  return { host: host === '' ? 'localhost' : host, port };
}

function parseQuery(query: string): UrlTls {
  const words = new TlsWords();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decoded(equals === -1 ? part : part.slice(0, equals), 'the words behind ?');
    words.add(name, equals === -1 ? '' : decoded(part.slice(equals + 1), `the value of ${name}`));
  }
  return words.result();
}

/** The URL as people may see it, also if it is invalid. */
export function maskDatabaseUrl(given: string): string {
  if (/^sqlite:/i.test(given)) return given;
  const start = given.indexOf('//');
  if (start === -1) return given.includes('@') ? `${MASK}${given.slice(given.lastIndexOf('@'))}` : given;
  const rest = given.slice(start + 2);
  const at = rest.lastIndexOf('@');
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  // Without an @ the credentials may stand in the place of the host. Then everything is hidden that is no port.
  const hidden = /^[^:]*:(\d*)$|^[^:]*$|^\[/.test(authority) ? 0 : authority.length;
  const shown = at === -1 ? rest.slice(hidden) : rest.slice(at);
  const mask = at === -1 && hidden === 0 ? '' : MASK;
  return `${given.slice(0, start + 2)}${mask}${maskWords(shown)}`;
}

const MASK = '********';

/** Masks the values that are secret or may hold a key. */
function maskWords(text: string): string {
  return text.replace(/([?&])([^=&]*)=([^&]*)/g, (all: string, sign: string, name: string, value: string) =>
    /pass|secret|token/i.test(name) || /BEGIN|passphrase|%22key|"key/i.test(value)
      ? `${sign}${name}=${MASK}`
      : all,
  );
}
