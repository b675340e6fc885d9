import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TlsFiles } from '../../../src/adapters/http-delivery/tls-files.ts';
import { makeCertificate } from '../../helpers/certificates.ts';

const FIRST = makeCertificate({ commonName: 'order-sync' });
const SECOND = makeCertificate({ commonName: 'order-sync renewed' });

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-pem-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(certFile, FIRST.certificatePem);
  writeFileSync(keyFile, FIRST.keyPem);
  const logged: string[] = [];
  const files = new TlsFiles({ certFile, keyFile }, 'shop', (level, message) =>
    logged.push(`${level}: ${message}`),
  );
  return { certFile, keyFile, logged, files };
}

describe('the PEM files of a target', () => {
  it('count as they were while they do not fit together, which is told once, and anew when they do', () => {
    const { certFile, keyFile, logged, files } = place();
    const before = files.content;
    expect(before).toEqual({ cert: FIRST.certificatePem, key: FIRST.keyPem });
    writeFileSync(certFile, `${SECOND.certificatePem}\n`);
    for (let connection = 0; connection < 3; connection++) expect(files.content).toBe(before);
    expect(logged).toEqual([
      expect.stringMatching(/^warn: .*shop cannot be used.*count as they were before/),
    ]);
    writeFileSync(keyFile, SECOND.keyPem);
    expect(files.content.key).toBe(SECOND.keyPem);
    expect(files.content).toBe(files.content);
    expect(logged.slice(1)).toEqual([expect.stringMatching(/^info: .*shop have changed/)]);
  });

  it('stop the start if they do not fit together', () => {
    const { certFile, keyFile } = place();
    writeFileSync(keyFile, SECOND.keyPem);
    expect(() => new TlsFiles({ certFile, keyFile }, 'shop', () => {})).toThrow(
      expect.objectContaining({ code: 'setting_invalid' }),
    );
  });

  it.each([
    ['nothing', ''],
    ['the key', FIRST.keyPem],
  ])('stop the start if the file of the authorities holds %s', (_what, content) => {
    const { certFile } = place();
    writeFileSync(certFile, content);
    expect(() => new TlsFiles({ caFile: certFile }, 'shop', () => {})).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringContaining(certFile) }),
    );
  });

  it('warn of a certificate that has expired, at the start and when it is replaced', () => {
    const { certFile, keyFile, logged, files } = place();
    const validTo = new Date(Date.now() - 1);
    const expired = makeCertificate({ commonName: 'order-sync', validTo });
    writeFileSync(certFile, expired.certificatePem);
    writeFileSync(keyFile, expired.keyPem);
    expect(files.content.cert).toBe(expired.certificatePem);
    new TlsFiles({ certFile, keyFile }, 'again', (level, message) => logged.push(`${level}: ${message}`));
    expect(logged.filter((line) => line.includes('expired'))).toEqual([
      expect.stringMatching(/^warn: .*target shop is shown .*it has expired: renew it/),
      expect.stringMatching(/^warn: .*target again is shown .*it has expired: renew it/),
    ]);
  });
});
