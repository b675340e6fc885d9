import { createPrivateKey, X509Certificate } from 'node:crypto';

/** What a PEM file has to hold. */
export type PemKind = 'certificates' | 'key';

const CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const BINARY_BEGIN = 0x30;

/**
 * What is wrong with the content of a file, as the end of the sentence "The file ...", with what to do. Null if it can be used.
 * Libraries of TLS ignore a file of certificates that holds none, so nobody would hear of it.
 */
export function pemFault(content: Buffer, kind: PemKind): string | null {
  if (content.length === 0) return 'is empty: write the PEM text into it';
  const text = content.toString('latin1');
  if (!text.includes('-----BEGIN ')) return noPem(content[0] === BINARY_BEGIN, kind);
  return kind === 'key' ? keyFault(text) : certificatesFault(text);
}

function noPem(isBinary: boolean, kind: PemKind): string {
  if (!isBinary) return 'is no PEM file: it has to have a line that begins with "-----BEGIN "';
  const command = kind === 'key' ? 'openssl pkcs12 -nodes -nocerts' : 'openssl x509 -inform der';
  return `is a binary file (DER or PKCS #12): make a PEM file of it, by ${command} -in ... -out ... for example`;
}

function keyFault(text: string): string | null {
  if (/-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text))
    return 'holds a key with a passphrase: write the key without it, by openssl pkey -in ... -out ..., readable by its owner only';
  if (!/-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----/.test(text))
    return `holds ${nameOf(text)} and no private key: name the file of the key`;
  try {
    createPrivateKey(text);
    return null;
  } catch {
    return 'holds a private key that cannot be read: it is damaged, or of a kind that OpenSSL does not know';
  }
}

function certificatesFault(text: string): string | null {
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0)
    return `holds ${nameOf(text)} and no certificate: name the file of the certificate`;
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
    return null;
  } catch {
    return 'holds a certificate that cannot be read: it is damaged';
  }
}

/** What the first block of a PEM text is. */
function nameOf(text: string): string {
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1]?.toLowerCase() ?? 'something else';
  if (label.endsWith('private key')) return 'a private key';
  return label === 'certificate request' || label === 'new certificate request'
    ? 'a request for a certificate'
    : `a ${label}`;
}

/** The certificates of a PEM text, in their sequence. Throws for a damaged one. */
export function certificatesIn(text: string): X509Certificate[] {
  return (text.match(CERTIFICATE) ?? []).map((certificate) => new X509Certificate(certificate));
}
