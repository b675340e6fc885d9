import { type ErrorCode, messageOf } from '../../core/errors.ts';

/** What error messages name, so that an operator knows what to change. */
export interface Remedies {
  /** The setting with the database's address, such as `DATABASE_URL`. */
  readonly setting: string;
  /** What to do if a table is missing. */
  readonly setUp: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly hasTls: boolean;
  /** Whether we present a certificate of our own. */
  readonly hasCertificate: boolean;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

const GRANTS = 'docs/operations.md has the grants';

/**
 * Explains an error whose cause an administrator can remove, in a sentence with the remedy; null for every other error.
 * It goes by numbers, because the driver gives MariaDB's own errors the names of MySQL's. Sources: MySQL 8.4 Error
 * Message Reference; MariaDB Error Codes.
 */
export function knownRefusal(error: unknown, remedies: Remedies): Refusal | null {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') return noTls(remedies);
  if (code === 'HANDSHAKE_SSL_ERROR') return brokenTls(messageOf(error), remedies);
  if (code === 'AUTH_SWITCH_PLUGIN_ERROR') {
    return refused(
      `${at(remedies)} wants a login that is not supported (${messageOf(error).slice(0, 200)}): ` +
        'give the user another one, such as caching_sha2_password or mysql_native_password.',
    );
  }
  if (isStatementUnknown(error)) return statementRefused(remedies, messageOf(error));
  const say = typeof errno === 'number' ? BY_NUMBER[errno] : undefined;
  return say?.(remedies, messageOf(error)) ?? null;
}

/**
 * From the first quote of a message to the last, because data has quotes too; to its end if the server has cut the message
 * off. A quote inside a word, as in "doesn't", is none.
 */
const QUOTED = /(?<!\w)'.*'(?!\w)|(?<!\w)'.*/gs;

/** A server's sentence without what it quotes, and not longer than 300 characters. */
export function withoutQuoted(message: string): string {
  return message.replace(QUOTED, "'...'").slice(0, 300);
}

/** Whether the server does not know the statement, and never will. */
export function isStatementUnknown(error: unknown): boolean {
  const { errno } = error as { errno?: unknown };
  return UNNUMBERED.has(Number(errno)) && UNKNOWN_STATEMENT.test(messageOf(error));
}

/** Whether the user lacks a right on a table, a database or the server. */
export function isRightMissing(error: unknown): boolean {
  return RIGHTS.has(Number((error as { errno?: unknown }).errno));
}

const RIGHTS = new Set([1044, 1142, 1143, 1227, 1370]);

/**
 * The numbers with which servers and proxies refuse a statement. 1105 is TiDB and Vitess, 1997 to 1999 and 30000 are Apache
 * ShardingSphere, for whatever has no number of its own.
 */
const UNNUMBERED = new Set([1064, 1105, 1149, 1235, 1997, 1998, 1999, 30000]);

/** The sentences of servers and proxies that do not know a statement, as a later try would not change. */
const UNKNOWN_STATEMENT =
  /unsupported|can ?not (yet )?support|not (yet )?support|doesn't (yet )?support|error in your SQL syntax|syntax error|no viable alternative|mismatched input|must be the same/i;

type Say = (remedies: Remedies, message: string) => Refusal | null;

const BY_NUMBER: Readonly<Record<number, Say>> = {
  1045: loginRefused,
  1698: loginRefused,
  1044: (remedies) =>
    refused(
      `${at(remedies)} gives ${user(remedies)} no right on the database "${remedies.database}", or has none of that ` +
        `name: create it, and grant the user's rights (${GRANTS}), or correct ${remedies.setting}.`,
    ),
  1049: (remedies) =>
    refused(
      `${at(remedies)} has no database "${remedies.database}": create it ` +
        `(CREATE DATABASE \`${remedies.database.replaceAll('`', '``')}\`), or correct ${remedies.setting}.`,
    ),
  1142: rightMissing,
  1143: rightMissing,
  1227: rightMissing,
  1370: rightMissing,
  1419: rightMissing,
  1129: (remedies) =>
    refused(`${at(remedies)} has blocked this host after too many failed logins: run FLUSH HOSTS there.`),
  1130: (remedies) =>
    refused(
      `${at(remedies)} lets no user log in from this host: make ${user(remedies)} for it (CREATE USER 'name'@'host').`,
    ),
  1820: passwordExpired,
  1862: passwordExpired,
  3118: accountLocked,
  4151: accountLocked,
  3159: tlsWanted,
  1835: (remedies, message) => (/insecure transport/i.test(message) ? tlsWanted(remedies) : null),
  1040: (remedies) =>
    unreachable(
      `${at(remedies)} has no free connection: raise its max_connections, or run fewer or smaller programs on it.`,
    ),
  1203: connectionsOfUser,
  1226: connectionsOfUser,
  1290: (remedies, message) => {
    if (!/read.only/i.test(message)) return null;
    return failed(
      `${at(remedies)} is read-only, as a replica is: let ${remedies.setting} name the server that can be written to, ` +
        'or turn read_only off.',
    );
  },
  1036: readOnlyTables,
  1792: readOnlyTables,
  1836: readOnlyTables,
  1874: readOnlyTables,
  1665: (remedies) =>
    refused(
      `${at(remedies)} writes its binary log in statement form, which takes none of these transactions: set ` +
        'binlog_format=ROW (or MIXED) there.',
    ),
  1461: (remedies) =>
    failed(
      `${at(remedies)} has no room for another prepared statement: raise its max_prepared_stmt_count, or run fewer ` +
        'programs on it.',
    ),
  1153: (remedies) =>
    refused(
      `${at(remedies)} takes no packet of that size: raise its max_allowed_packet (to twice ORDER_SYNC_MAX_RECORD_BYTES).`,
    ),
};

function loginRefused(remedies: Remedies): Refusal {
  const tls = tlsSetting(remedies);
  const hint = !remedies.hasTls
    ? ` If the user has to come by TLS (REQUIRE SSL), set ${tls}=required.`
    : remedies.hasCertificate
      ? ''
      : ` If the user has to show a certificate (REQUIRE X509), set ${tls}_CERT_FILE and ${tls}_KEY_FILE.`;
  return refused(
    `${at(remedies)} refuses the login of ${user(remedies)}: correct user and password in ${remedies.setting}.${hint}`,
  );
}

/**
 * Takes the right and the table out of "INSERT command denied to user 'sync'@'%' for table 'deliveries'", which are no
 * data.
 */
function rightMissing(remedies: Remedies, message: string): Refusal {
  const match =
    /^([A-Z][A-Z ,]*) command denied to user .* for (?:table|column|view)\b.*?[`']?(\w+)[`']?\s*$/i.exec(
      message,
    );
  const what = match === null ? 'what this needs' : `${match[1]} on the table ${match[2]}`;
  const needed = /need \(?at least one of\)? ?the ([A-Z_, ]+) privilege/i.exec(message)?.[1];
  return refused(
    `${user(remedies)} may not do ${needed === undefined ? what : `what needs ${needed}`} in "${remedies.database}" at ` +
      `${remedies.host}: grant it (${GRANTS}).`,
  );
}

/** A server that does not know a statement of ours never will, so nobody waits for it. */
function statementRefused(remedies: Remedies, message: string): Refusal {
  return refused(
    `${at(remedies)} does not know a statement that this program needs (${withoutQuoted(message)}): let ` +
      `${remedies.setting} name MySQL 8, MariaDB 10.6 or later, or see docs/scaling.md for what works with proxies.`,
  );
}

function passwordExpired(remedies: Remedies): Refusal {
  return refused(
    `The password of ${user(remedies)} at ${remedies.host} has expired: set a new one (ALTER USER), and put it into ` +
      `${remedies.setting}.`,
  );
}

function accountLocked(remedies: Remedies): Refusal {
  return refused(
    `The account of ${user(remedies)} at ${remedies.host} is locked: unlock it (ALTER USER ... ACCOUNT UNLOCK), or name ` +
      `another user in ${remedies.setting}.`,
  );
}

function tlsWanted(remedies: Remedies): Refusal {
  return refused(`${at(remedies)} takes connections with TLS only: set ${tlsSetting(remedies)}=required.`);
}

function connectionsOfUser(remedies: Remedies): Refusal {
  return unreachable(
    `${at(remedies)} lets ${user(remedies)} have no further connection: raise max_user_connections (or the user's own ` +
      'limit), or run fewer programs, or order-sync with fewer ORDER_SYNC_LANES.',
  );
}

function readOnlyTables(remedies: Remedies): Refusal {
  return failed(
    `${at(remedies)} takes no changes at present (a replica, or InnoDB in read-only mode): let ${remedies.setting} name ` +
      'the server that can be written to.',
  );
}

function noTls(remedies: Remedies): Refusal {
  return refused(
    `${at(remedies)} speaks no TLS, and TLS is asked for: turn it on there (ssl_cert, ssl_key). Nothing was sent in ` +
      `plain text. If the network may be trusted, set ${tlsSetting(remedies)}=off.`,
  );
}

/**
 * Recognises the words of OpenSSL and Node for a certificate that is not trusted. Any other message means that the
 * handshake broke.
 */
function brokenTls(message: string, remedies: Remedies): Refusal {
  const tls = tlsSetting(remedies);
  if (/self.signed|unable to (verify|get)|issuer/i.test(message)) {
    return refused(
      `The certificate of ${server(remedies)} is signed by no authority that is trusted (${message}): name the PEM file ` +
        `of its authority by ${tls}_CA_FILE.`,
    );
  }
  if (/altnames|does not match/i.test(message)) {
    return refused(
      `The certificate of ${server(remedies)} is for another name (${message}): name the host in ${remedies.setting} as the ` +
        `certificate does, or set ${tls}_SERVER_NAME to a name in it.`,
    );
  }
  if (/expired|not yet valid/i.test(message)) {
    return refused(
      `The certificate of ${server(remedies)} is not valid at this time (${message}): renew it, and see that the clocks are right.`,
    );
  }
  if (/ECONNRESET|socket|disconnected|hang up|EPIPE|ETIMEDOUT/i.test(message)) {
    const hint = remedies.hasCertificate ? '' : ` If it wants a certificate, set ${tls}_CERT_FILE.`;
    return unreachable(`${at(remedies)} ended the TLS handshake (${message}).${hint}`);
  }
  return refused(
    `No TLS connection to ${server(remedies)} can be made (${message}): see that it speaks TLS 1.2 or newer` +
      `${remedies.hasCertificate ? `, and that ${tls}_CERT_FILE and ${tls}_KEY_FILE are a certificate and its key` : ''}.`,
  );
}

function tlsSetting({ setting }: Remedies): string {
  return setting.replace(/_URL$/, '_TLS');
}

function server({ host, port }: Remedies): string {
  return `the database at ${host}:${port}`;
}

function at(remedies: Remedies): string {
  return `The database at ${remedies.host}:${remedies.port}`;
}

function user(remedies: Remedies): string {
  return remedies.user === '' ? 'the user without a name' : `the user "${remedies.user}"`;
}

function refused(message: string): Refusal {
  return { code: 'store_refused', message: capitalised(message) };
}

function failed(message: string): Refusal {
  return { code: 'store_failed', message };
}

function unreachable(message: string): Refusal {
  return { code: 'store_unreachable', message };
}

function capitalised(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
