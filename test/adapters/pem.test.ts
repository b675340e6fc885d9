import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificatesIn, pemFault } from '../../src/adapters/pem.ts';
import { makeCertificate } from '../helpers/certificates.ts';

const own = makeCertificate({ commonName: 'own' });
const other = makeCertificate({ commonName: 'other' });
const encrypted = createPrivateKey(own.keyPem).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
}) as string;
const damaged = own.certificatePem.replace(/\n.{20}/, '\n');
const binary = Buffer.from(own.certificatePem.replace(/-----.*-----|\s/g, ''), 'base64');
const request = '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n';

describe('a file of certificates', () => {
  it.each([
    ['one certificate', own.certificatePem],
    ['a chain', own.certificatePem + other.certificatePem],
    ['line ends of Windows', own.certificatePem.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${own.certificatePem}`],
    ['text before it', `subject=CN=own\n${own.certificatePem}`],
    ['the key before it', own.keyPem + own.certificatePem],
  ])('takes %s', (_what, content) => {
    expect(pemFault(Buffer.from(content), 'certificates')).toBeNull();
  });

  it.each([
    ['nothing', '', /^is empty/],
    ['another text', 'hello', /^is no PEM file/],
    ['the key alone', own.keyPem, /^holds a private key and no certificate/],
    ['a request', request, /^holds a request for a certificate and no certificate/],
    ['a damaged certificate', damaged, /^holds a certificate that cannot be read/],
    [
      'a right certificate and a damaged one',
      own.certificatePem + damaged,
      /^holds a certificate that cannot/,
    ],
  ])('refuses %s', (_what, content, fault) => {
    expect(pemFault(Buffer.from(content), 'certificates')).toMatch(fault);
  });

  it('refuses DER', () => {
    expect(pemFault(binary, 'certificates')).toMatch(/^is a binary file \(DER or PKCS #12\).*openssl x509/);
  });

  it('gives its certificates in their sequence', () => {
    const subjects = certificatesIn(own.certificatePem + other.certificatePem).map(({ subject }) => subject);
    expect(subjects).toEqual(['CN=own', 'CN=other']);
  });
});

describe('a file of a key', () => {
  it.each([
    ['a key', own.keyPem],
    ['the certificate before it', own.certificatePem + own.keyPem],
  ])('takes %s', (_what, content) => {
    expect(pemFault(Buffer.from(content), 'key')).toBeNull();
  });

  it.each([
    ['nothing', '', /^is empty/],
    ['the certificate alone', own.certificatePem, /^holds a certificate and no private key/],
    ['a passphrase', encrypted, /^holds a key with a passphrase: .*openssl pkey/],
    ['a damaged key', own.keyPem.replace(/\n.{20}/, '\n'), /^holds a private key that cannot be read/],
  ])('refuses %s', (_what, content, fault) => {
    expect(pemFault(Buffer.from(content), 'key')).toMatch(fault);
  });

  it('refuses PKCS #12 and DER', () => {
    expect(pemFault(binary, 'key')).toMatch(/^is a binary file .*openssl pkcs12/);
  });
});
