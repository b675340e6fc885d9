import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/*
 * Makes X.509 certificates for tests with Node's own modules. It writes just enough DER (ITU-T X.690) for a certificate
 * of version 3 (RFC 5280), signed by ECDSA or RSA with SHA-256.
 */

export interface CertificateRequest {
  readonly commonName: string;
  /** The DNS names and IP addresses of a server. An authority and a client have none. */
  readonly names?: readonly string[];
  readonly isAuthority?: boolean;
  /** The certificate that signs this one. Without an issuer the certificate signs itself. */
  readonly issuer?: Certificate;
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** The default is `ec`. Old servers accept only `rsa`. */
  readonly keyType?: KeyType;
}

type KeyType = 'ec' | 'rsa';

export interface Certificate {
  readonly commonName: string;
  readonly key: KeyObject;
  readonly certificatePem: string;
  /** The private key in PKCS #8. */
  readonly keyPem: string;
}

const DAY_MS = 86_400_000;

export function makeCertificate(request: CertificateRequest): Certificate {
  const { commonName, issuer, keyType = 'ec' } = request;
  const { privateKey, publicKey } =
    keyType === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signingKey = issuer?.key ?? privateKey;
  const from = request.validFrom ?? new Date(Date.now() - DAY_MS);
  const to = request.validTo ?? new Date(Date.now() + 30 * DAY_MS);
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithmOf(signingKey),
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(from), time(to)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensionsOf(request))),
  );
  const signature = sign('sha256', toBeSigned, signingKey);
  const certificate = sequence(toBeSigned, algorithmOf(signingKey), bitString(signature));
  return {
    commonName,
    key: privateKey,
    certificatePem: pem('CERTIFICATE', certificate),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function extensionsOf({ names = [], isAuthority = false }: CertificateRequest): Buffer[] {
  const extensions = [
    extension('2.5.29.19', true, isAuthority ? sequence(tagged(0x01, Buffer.from([0xff]))) : sequence()),
  ];
  if (isAuthority) {
    // The key usage is keyCertSign and cRLSign.
    extensions.push(extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x01, 0x06])));
  }
  if (names.length > 0) {
    const general = names.map((name) =>
      isIP(name) === 4
        ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
        : tagged(0x82, Buffer.from(name, 'ascii')),
    );
    extensions.push(extension('2.5.29.17', false, sequence(...general)));
  }
  return extensions;
}

function extension(oid: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(oid), ...critical, tagged(0x04, value));
}

function nameOf(commonName: string): Buffer {
  const attribute = sequence(objectId('2.5.4.3'), tagged(0x0c, Buffer.from(commonName, 'utf8')));
  return sequence(tagged(0x31, attribute));
}

/** Encodes a date as UTCTime, which can hold years up to 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\D/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`, 'ascii'));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const lengthBytes =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

/** Encodes ecdsa-with-SHA256 (RFC 5758), or sha256WithRSAEncryption (RFC 4055) with NULL for its parameters. */
function algorithmOf(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(objectId('1.2.840.113549.1.1.11'), Buffer.from([0x05, 0x00]))
    : sequence(objectId('1.2.840.10045.4.3.2'));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
