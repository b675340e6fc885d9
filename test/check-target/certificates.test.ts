import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type CheckTargetOptions, checkTarget } from '../../src/check-target/index.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { OPTION_NAMES } from './option-names.ts';
import { Receiver, SECRET } from './receiver.ts';

let runs = 0;

async function check(url: string, reach: CheckTargetOptions['reach'] = {}) {
  const report = await checkTarget({
    url: new URL(url),
    keys: parseSigningKeys(SECRET, 'the secret'),
    reach,
    runId: `tls${++runs}`,
    deadlineMs: 5_000,
    mustShow: false,
    optionNames: OPTION_NAMES,
    stop: new AbortController().signal,
  });
  const failed = report.checks
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ code, seen }) => ({ code, seen }));
  return { ...report, failed };
}

function inFile(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const authority = makeCertificate({ commonName: 'authority', isAuthority: true });
const certificate = makeCertificate({ commonName: 'target', names: ['127.0.0.1'], issuer: authority });

async function startTls(options: ServerOptions = {}): Promise<string> {
  const receiver = new Receiver();
  const tls = { key: certificate.keyPem, cert: certificate.certificatePem, ...options };
  const server = createTlsServer(tls, (request, response) => void receiver.onRequest(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`;
}

it('names the setting for a target whose authority is unknown, and passes it with the file', async () => {
  const url = await startTls();
  const { failed, isReached } = await check(url);
  expect(failed).toEqual([{ code: 'authority_unknown', seen: expect.stringContaining('set THE_CA_FILE') }]);
  expect(isReached).toBe(true);
  const caFile = inFile('ca.pem', authority.certificatePem);
  expect((await check(url, { caFile })).failed).toEqual([]);
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'names the setting for a target that wants a certificate (%s), and passes it with one',
  async (maxVersion) => {
    const url = await startTls({
      maxVersion,
      ca: authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const caFile = inFile('ca.pem', authority.certificatePem);
    const { failed } = await check(url, { caFile });
    expect(failed).toEqual([
      { code: 'client_certificate_wanted', seen: expect.stringContaining('set THE_CERT_FILE') },
    ]);
    const own = makeCertificate({ commonName: 'order-sync', issuer: authority });
    const reach = {
      caFile,
      certFile: inFile('own.pem', own.certificatePem),
      keyFile: inFile('own.key', own.keyPem),
    };
    expect((await check(url, reach)).failed).toEqual([]);
  },
);

const day = 86_400_000;
const past = { validFrom: new Date(Date.now() - 9 * day), validTo: new Date(Date.now() - 2 * day) };
const caFile = () => inFile('ca.pem', authority.certificatePem);
const filesOf = ({ certificatePem, keyPem }: ReturnType<typeof makeCertificate>) => ({
  caFile: caFile(),
  certFile: inFile('own.pem', certificatePem),
  keyFile: inFile('own.key', keyPem),
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'describes a certificate that a target does not take (%s)',
  async (maxVersion) => {
    const ca = authority.certificatePem;
    const url = await startTls({ maxVersion, ca, requestCert: true, rejectUnauthorized: true });
    const stranger = makeCertificate({
      commonName: 'stranger',
      issuer: makeCertificate({ commonName: 'x' }),
    });
    const refused = await check(url, filesOf(stranger));
    expect(refused.failed).toEqual([
      {
        code: 'client_certificate_wanted',
        seen: expect.stringMatching(
          /it was shown: "stranger", issued by "x", valid until .* behind it in the file .*: look at THE_CERT_FILE/,
        ),
      },
    ]);
    const expired = await check(
      url,
      filesOf(makeCertificate({ commonName: 'own', issuer: authority, ...past })),
    );
    expect(expired.failed[0]?.seen).toMatch(
      /"own", issued by "authority", valid until .* it has expired: renew/,
    );
  },
);

it('names the authorities that are known, and takes the one right above or the certificate itself', async () => {
  const url = await startTls();
  const stranger = makeCertificate({ commonName: 'stranger', isAuthority: true });
  const { failed } = await check(url, { caFile: inFile('ca.pem', stranger.certificatePem) });
  expect(failed).toEqual([
    { code: 'authority_unknown', seen: expect.stringMatching(/with that authority; it has "stranger"$/) },
  ]);
  const pinned = inFile('ca.pem', certificate.certificatePem);
  expect((await check(url, { caFile: pinned })).failed).toEqual([]);
});

it.each([
  ['has expired', past, /has expired/],
  ['is not valid yet', { validFrom: new Date(Date.now() + day) }, /is not valid yet/],
  ['is for another host', { names: ['shop.example'] }, /for another host name: DNS:shop.example/],
])('says that the certificate of a target %s', async (_what, changes, seen) => {
  const request = { commonName: 'target', names: ['127.0.0.1'], issuer: authority, ...changes };
  const { keyPem: key, certificatePem: cert } = makeCertificate(request);
  const { failed, isReached } = await check(await startTls({ key, cert }), { caFile: caFile() });
  expect(failed).toEqual([{ code: 'certificate_invalid', seen: expect.stringMatching(seen) }]);
  expect(isReached).toBe(true);
});
