import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { TokenSource } from '../../../src/adapters/http-delivery/oauth.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { makeCertificate } from '../../helpers/certificates.ts';
import { serverOf } from './place.ts';

const OF_SYSTEM = makeCertificate({ commonName: 'an authority of the system', isAuthority: true });
const OF_TARGET = makeCertificate({ commonName: 'the authority of the target', isAuthority: true });

/** The token that an endpoint gives whose certificate this authority has signed, to a client with a file of authorities. */
async function tokenFrom(issuer: typeof OF_SYSTEM, authorities: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-oauth-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authorities);
  const { keyPem, certificatePem } = makeCertificate({ commonName: 'login', names: ['127.0.0.1'], issuer });
  const server = await serverOf(
    (response) => void response.end('{"access_token":"t1","token_type":"Bearer"}'),
    { key: keyPem, cert: certificatePem },
  );
  const tokenUrl = `${new URL(server.url).origin}/token`;
  const tokens = new TokenSource(
    { tokenUrl, clientId: 'a', clientSecret: 'b' },
    { name: 'shop', clock: systemClock, logger: () => {}, deadlineMs: 5_000, caFile },
  );
  onTestFinished(() => tokens.close());
  return tokens.fetch();
}

it('the authorities of the system count for a token endpoint, beside those of the file for the target', async () => {
  const before = getCACertificates();
  setDefaultCACertificates([...before, OF_SYSTEM.certificatePem]);
  onTestFinished(() => setDefaultCACertificates(before));
  expect(await tokenFrom(OF_SYSTEM, OF_TARGET.certificatePem)).toBe('t1');
  expect(await tokenFrom(OF_TARGET, OF_TARGET.certificatePem)).toBe('t1');
  const unknown = makeCertificate({ commonName: 'nobody', isAuthority: true });
  await expect(tokenFrom(unknown, OF_TARGET.certificatePem)).rejects.toThrow();
});

/** A source of the tokens t1, t2 and so on, or of no token while the endpoint is broken. */
async function numberedTokens() {
  const endpoint = { isBroken: false };
  const server = await serverOf((response, _request, number) => {
    response.statusCode = endpoint.isBroken ? 500 : 200;
    response.end(`{"access_token":"t${number}","token_type":"Bearer","expires_in":3600}`);
  });
  const tokens = new TokenSource(
    { tokenUrl: `${new URL(server.url).origin}/token`, clientId: 'a', clientSecret: 'b' },
    { name: 'shop', clock: systemClock, logger: () => {}, deadlineMs: 5_000 },
  );
  onTestFinished(() => tokens.close());
  return { endpoint, server, tokens };
}

it('a token that could not be had is asked for anew by the next request', async () => {
  const { endpoint, tokens } = await numberedTokens();
  endpoint.isBroken = true;
  for (let request = 0; request < 2; request++) await expect(tokens.fetch()).rejects.toThrow('answered 500');
  endpoint.isBroken = false;
  expect(await tokens.fetch()).toBe('t3');
  expect(tokens.current).toBe('t3');
});

it('a late refusal of the token before leaves the new one in use', async () => {
  const { server, tokens } = await numberedTokens();
  const old = await tokens.fetch();
  tokens.refused(old);
  expect(tokens.current).toBeNull();
  expect(await tokens.fetch()).toBe('t2');
  // Another request was sent with the old token, and its answer comes only now.
  tokens.refused(old);
  expect(tokens.current).toBe('t2');
  expect(server.received).toHaveLength(2);
});
