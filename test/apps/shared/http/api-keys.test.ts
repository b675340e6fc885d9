import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type ApiProgram,
  apiKeyOf,
  findApiKey,
  makeApiKey,
  parseApiKeys,
} from '../../../../src/apps/shared/http/api-keys.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const KEY = `trb_${'k'.repeat(43)}`;
const OTHER = `trb_${'o'.repeat(43)}`;
const ops = `ops:read,operate:${sha256(KEY)}`;
const dashboard = `dashboard:read:${sha256(OTHER)}`;

describe('a new key', () => {
  it('a key holds 32 random bytes, and its entry holds the SHA-256 and not the key', () => {
    const { key, entry } = makeApiKey('ops', ['read', 'operate']);
    expect(key).toMatch(/^trb_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(key.slice(4), 'base64url')).toHaveLength(32);
    expect(entry).toBe(`ops:read,operate:${sha256(key)}`);
    expect(makeApiKey('ops', ['read']).key).not.toBe(key);
  });

  it('findApiKey finds the key by its entry', () => {
    const { key, entry } = makeApiKey('ops', ['operate']);
    const [parsed] = parseApiKeys(entry, 'order-sync');
    expect(parsed).toMatchObject({ name: 'ops', scopes: new Set(['operate']) });
    expect(findApiKey(parseApiKeys(entry, 'order-sync'), key)).toMatchObject({ name: 'ops' });
  });
});

describe('the entries of keys', () => {
  it.each([
    ['a line each', `${ops}\n${dashboard}\n`],
    ['blanks between them', `  ${ops}  ${dashboard}`],
    ["Windows' line ends", `${ops}\r\n\r\n${dashboard}\r\n`],
    ['capital hex digits', `${ops} ${dashboard}`.replace(/[0-9a-f]{64}/g, (hex) => hex.toUpperCase())],
  ])('parseApiKeys reads entries with %s', (_what, text) => {
    const keys = parseApiKeys(text, 'order-sync');
    expect(keys.map(({ name, scopes }) => [name, [...scopes]])).toEqual([
      ['ops', ['read', 'operate']],
      ['dashboard', ['read']],
    ]);
    expect(findApiKey(keys, KEY)?.name).toBe('ops');
    expect(findApiKey(keys, OTHER)?.name).toBe('dashboard');
  });

  it.each<[what: string, text: string, message: RegExp, program?: ApiProgram]>([
    ['nothing but blanks', ' \n', /^it holds 0 entries: give 1 to 100/],
    ['too many', Array(101).fill(ops).join(' '), /^it holds 101 entries/],
    ['a key alone', KEY, /^entry no. 1 is not NAME:SCOPES:SHA256/],
    ['a hash alone', sha256(KEY), /^entry no. 1 is not NAME:SCOPES:SHA256/],
    ['no scopes', `${dashboard} ops:${sha256(KEY)}`, /^entry no. 2 is not NAME:SCOPES:SHA256/],
    ['a fourth part', `${ops}:2026`, /^entry no. 1 is not NAME:SCOPES:SHA256/],
    ['a name in capitals', ops.replace('ops', 'Ops'), /its name has to be 1 to 64 small letters/],
    ['no name', ops.replace('ops', ''), /its name has to be/],
    ['a name that is too long', ops.replace('ops', 'o'.repeat(65)), /its name has to be/],
    ['a scope of another make', ops.replace('operate', 'write'), /\(ops\) has a scope write that order-sync/],
    ['a scope in capitals', ops.replace('read', 'READ'), /has a scope READ .* give read or operate/],
    ['an empty scope', ops.replace('read,', ','), /\(ops\) has a scope that order-sync does not have/],
    [
      'a scope of another program',
      ops,
      /has a scope operate that order-mgt does not have: give read;/,
      'order-mgt',
    ],
    ['the key for its hash', `ops:read:${KEY}`, /\(ops\) holds the key itself in place of its SHA-256/],
    ['a digit too few', ops.slice(0, -1), /its SHA-256 has to be 64 hex digits/],
    ['a digit too many', `${ops}0`, /its SHA-256 has to be 64 hex digits/],
    ['the same name twice', `${ops} ops:read:${sha256(OTHER)}`, /entry no. 2 \(ops\) has the name of/],
    ['the same key twice', `${ops} too:read:${sha256(KEY)}`, /entry no. 2 \(too\) has the key of/],
  ])('parseApiKeys refuses %s and names the remedy', (_what, text, message, program = 'order-sync') => {
    const parse = () => parseApiKeys(text, program);
    expect(parse).toThrow(message);
    expect(parse).toThrow(new RegExp(`make a key with its entry by: ${program} keys make --name NAME$`));
  });

  it.each([KEY, `ops:read:${KEY}`, `ops:${KEY}:read`, `${KEY}:read:${sha256(KEY)}`])(
    'parseApiKeys never quotes the key in %s',
    (text) => {
      const parse = () => parseApiKeys(text, 'order-sync');
      expect(parse).toThrow();
      expect(parse).not.toThrow(KEY.slice(4));
    },
  );
});

describe('a key that is given', () => {
  const keys = parseApiKeys(`${ops} ${dashboard}`, 'order-sync');

  it.each([
    ['of another ending', KEY.replace(/.$/, 'K')],
    ['of another beginning', KEY.replace('trb_k', 'trb_K')],
    ['in another case', KEY.toUpperCase()],
    ['with something behind it', `${KEY}k`],
    ['cut short', KEY.slice(0, -1)],
    ['without its prefix', KEY.slice(4)],
    ['that is the hash', sha256(KEY)],
    ['that is the entry', ops],
    ['that is empty', ''],
  ])('findApiKey finds nothing for a key %s', (_what, given) => {
    expect(findApiKey(keys, given)).toBeNull();
  });

  it('findApiKey finds no text without the form of a key, even if its hash is there', () => {
    const password = 'correct horse';
    const entries = parseApiKeys(`weak:read:${sha256(password)}`, 'order-sync');
    expect(findApiKey(entries, password)).toBeNull();
  });

  it('findApiKey finds nothing without keys', () => {
    expect(findApiKey([], KEY)).toBeNull();
    expect(findApiKey([apiKeyOf('own', ['read'], KEY)], KEY)?.name).toBe('own');
  });
});
