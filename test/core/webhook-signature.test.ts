import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseSigningKeys, sign, verify } from '../../src/core/webhook-signature.ts';

const NOW_MS = 1_760_000_000_000;
const NOW_S = NOW_MS / 1_000;
const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;

describe('the signature of a webhook', () => {
  it('the signature is the HMAC of id, timestamp and body, as in the example of the specification', () => {
    const keys = parseSigningKeys('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'test');
    const signature = sign(keys, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}');
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('the signature equals an HMAC computed by hand over the decoded secret', () => {
    const bytes = randomBytes(24);
    const keys = parseSigningKeys(`whsec_${bytes.toString('base64')}`, 'test');
    const expected = createHmac('sha256', bytes).update(`id-1.${NOW_S}.{"a":"ü"}`).digest('base64');
    expect(sign(keys, 'id-1', NOW_S, '{"a":"ü"}')).toBe(`v1,${expected}`);
    expect(sign(keys, 'id-1', NOW_S, Buffer.from('{"a":"ü"}'))).toBe(`v1,${expected}`);
  });

  const [oldSecret, newerSecret] = [newSecret(), newSecret()];
  const oldKey = parseSigningKeys(oldSecret, 'test');
  const newKey = parseSigningKeys(newerSecret, 'test');
  const bothKeys = parseSigningKeys(`${newerSecret} ${oldSecret}`, 'test');
  const signedBy = (keys: typeof oldKey, timestamp = NOW_S, body = 'body') => ({
    id: 'msg_1',
    timestamp: String(timestamp),
    signature: sign(keys, 'msg_1', timestamp, body),
  });

  it('a signature by either secret holds while the sender or the receiver rotates its secrets', () => {
    for (const keys of [oldKey, newKey])
      expect(verify(keys, signedBy(bothKeys), 'body', NOW_MS).ok).toBe(true);
    for (const keys of [oldKey, newKey])
      expect(verify(bothKeys, signedBy(keys), 'body', NOW_MS).ok).toBe(true);
    expect(signedBy(bothKeys).signature.split(' ')[0]).toBe(signedBy(newKey).signature);
  });

  it('a signature fails under another secret, body, id or timestamp', () => {
    const good = signedBy(oldKey);
    const invalid = { ok: false, reason: 'signature_invalid' };
    expect(verify(newKey, good, 'body', NOW_MS)).toMatchObject(invalid);
    expect(verify(oldKey, good, 'body ', NOW_MS)).toMatchObject(invalid);
    expect(verify(oldKey, { ...good, id: 'msg_2' }, 'body', NOW_MS)).toMatchObject(invalid);
    expect(verify(oldKey, { ...good, timestamp: String(NOW_S + 1) }, 'body', NOW_MS)).toMatchObject(invalid);
  });

  it('garbage, a cut signature and one of another scheme fail', () => {
    const good = signedBy(oldKey);
    const garbage = [
      'v1,',
      'v1,AAAA',
      'v1',
      ',',
      ' ',
      good.signature.slice(0, -4),
      good.signature.replace('v1,', 'v1a,'),
    ];
    for (const signature of garbage) {
      expect(verify(oldKey, { ...good, signature }, 'body', NOW_MS).ok, signature).toBe(false);
    }
  });

  it('a signature is accepted up to five minutes before and after its timestamp, and not beyond', () => {
    const reasonAt = (timestamp: number) => {
      const verdict = verify(oldKey, signedBy(oldKey, timestamp), 'body', NOW_MS);
      return verdict.ok ? 'ok' : verdict.reason;
    };
    expect(reasonAt(NOW_S - 300)).toBe('ok');
    expect(reasonAt(NOW_S + 300)).toBe('ok');
    expect(reasonAt(NOW_S - 301)).toBe('timestamp_outside_tolerance');
    expect(reasonAt(NOW_S + 301)).toBe('timestamp_outside_tolerance');
  });

  it('a missing header and a timestamp that is no number are refused with the reason', () => {
    const good = signedBy(oldKey);
    for (const name of ['id', 'timestamp', 'signature'] as const) {
      const verdict = verify(oldKey, { ...good, [name]: undefined }, 'body', NOW_MS);
      expect(verdict).toMatchObject({ ok: false, reason: 'signature_missing' });
    }
    for (const timestamp of ['abc', '1e9', '-5', '12.5', '9'.repeat(20)]) {
      const verdict = verify(oldKey, { ...good, timestamp }, 'body', NOW_MS);
      expect(verdict).toMatchObject({ ok: false, reason: 'timestamp_invalid' });
    }
  });
});

describe('signing secrets', () => {
  it('secrets of 24 to 64 bytes are read from base64, several of them between blanks', () => {
    expect(parseSigningKeys([newSecret(24), `${newSecret(64)}  ${newSecret(40)}`], 'X')).toHaveLength(3);
    expect(parseSigningKeys('', 'X')).toEqual([]);
  });

  it('a wrong secret is refused with what to give instead, and without being shown', () => {
    const wrong = [
      newSecret(23),
      newSecret(65),
      'whsec_',
      'geheim-geheim-geheim',
      'whsec_not*base64*not*base64*not*',
    ];
    for (const secret of wrong) {
      const refusal = () => parseSigningKeys(`${newSecret()} ${secret}`, 'ORDER_MGT_SECRET');
      expect(refusal).toThrow(/ORDER_MGT_SECRET \(no\. 2\).*whsec_ and the base64 of 24 to 64/);
      expect(refusal).not.toThrow(secret.slice(6) || 'never');
    }
  });
});

describe('the refusal of a request', () => {
  const secret = newSecret();
  const keys = parseSigningKeys(secret, 'test');
  const headers = { id: 'msg_1', timestamp: String(NOW_S), signature: sign(keys, 'msg_1', NOW_S, 'body') };
  const refusalOf = (changed: Partial<Record<keyof typeof headers, string | undefined>>, nowMs = NOW_MS) =>
    verify(keys, { ...headers, ...changed }, 'body', nowMs);

  it('the first missing header is named', () => {
    const detail = (name: string) => `The header ${name} is missing; every request has to be signed.`;
    expect(refusalOf({ id: undefined, timestamp: '' })).toMatchObject({ detail: detail('webhook-id') });
    expect(refusalOf({ timestamp: '' })).toMatchObject({ detail: detail('webhook-timestamp') });
    expect(refusalOf({ signature: '' })).toMatchObject({ detail: detail('webhook-signature') });
  });

  it('both clocks are named where they differ', () => {
    const clock = new Date(NOW_MS).toISOString();
    const detail = (age: string) =>
      `The webhook-timestamp is ${age} the clock here, which says ${clock}; at most 300 s are accepted. If the request is new, one of the two clocks is wrong.`;
    expect(refusalOf({ timestamp: String(NOW_S - 400) })).toMatchObject({ detail: detail('400 s behind') });
    expect(refusalOf({ timestamp: String(NOW_S + 301) })).toMatchObject({ detail: detail('301 s ahead of') });
  });

  it('the kind of fault is told of a timestamp and of a signature', () => {
    expect(refusalOf({ timestamp: '12x' })).toEqual({
      ok: false,
      reason: 'timestamp_invalid',
      detail: 'The header webhook-timestamp has to hold Unix seconds.',
    });
    expect(refusalOf({ signature: 'v1,AAAA' })).toEqual({
      ok: false,
      reason: 'signature_invalid',
      detail: 'No signature in webhook-signature fits the body and a secret known here.',
    });
    expect(refusalOf({ timestamp: '1'.repeat(12) })).toMatchObject({ reason: 'timestamp_outside_tolerance' });
    expect(refusalOf({ timestamp: '1'.repeat(13) })).toMatchObject({ reason: 'timestamp_invalid' });
  });

  it('at most ten signatures are compared', () => {
    const wrong = (count: number) => Array.from({ length: count }, () => 'v1,AAAA').join(' ');
    expect(refusalOf({ signature: `${wrong(9)} ${headers.signature}` })).toEqual({ ok: true });
    expect(refusalOf({ signature: `${wrong(10)} ${headers.signature}` }).ok).toBe(false);
  });

  it('the only secret of a setting is named without a number', () => {
    expect(() => parseSigningKeys('whsec_short', 'ORDER_MGT_SECRET')).toThrow(
      /^ORDER_MGT_SECRET holds 3 bytes: give/,
    );
    expect(() => parseSigningKeys(` x${secret}`, 'ORDER_MGT_SECRET')).toThrow(
      /^ORDER_MGT_SECRET is not a signing secret/,
    );
    expect(() => parseSigningKeys(`${secret}=x`, 'ORDER_MGT_SECRET')).toThrow(/is not a signing secret/);
  });
});
