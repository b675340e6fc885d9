import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { passes, readTargetsFile } from '../../../../src/apps/order-sync/targets/targets-file.ts';
import { orders } from '../../../../src/orders/index.ts';

const taken = { names: ['order-mgt'], topics: ['order_events'], group: 'order-sync', domain: orders };

function read(content: unknown) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-targets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'targets.json');
  writeFileSync(join(folder, 'crm.secret'), 'whsec_one whsec_two\n');
  writeFileSync(join(folder, 'crm.key'), 'a.key~\n');
  writeFileSync(join(folder, 'two.keys'), 'hush hush\n');
  writeFileSync(join(folder, 'empty'), '\n');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readTargetsFile(file, taken);
}

const url = 'http://localhost:4000/api/orders';
const oauth = { tokenUrl: 'https://id.example/token', clientId: 'sync', clientSecretFile: 'crm.key' };

describe('the file of targets', () => {
  it('names HTTP targets and topics, each with its filter and pace', () => {
    const [crm, states] = read([
      {
        name: 'crm',
        url: 'https://crm.example/orders',
        secretFile: 'crm.secret',
        apiKeyFile: 'crm.key',
        caFile: '/etc/ssl/crm.pem',
        concurrency: 8,
        ratePerSecond: 50,
        reconcileEveryMs: 0,
      },
      {
        name: 'states',
        topic: 'order_states',
        tombstones: 'not_ready',
        filter: { review_status: ['ACCEPTED', null] },
      },
    ]);
    expect(crm).toEqual({
      name: 'crm',
      place: { url: 'https://crm.example/orders' },
      secrets: ['whsec_one', 'whsec_two'],
      reach: {
        apiKey: 'a.key~',
        apiKeyHeader: undefined,
        headers: [],
        oauth: undefined,
        caFile: '/etc/ssl/crm.pem',
        certFile: undefined,
        keyFile: undefined,
        proxy: undefined,
      },
      wishes: { template: undefined, cloudEvents: undefined, verdicts: undefined },
      filter: new Map(),
      concurrency: 8,
      ratePerSecond: 50,
      reconcileEveryMs: 0,
      tombstones: 'never',
    });
    expect(states).toMatchObject({
      place: { topic: 'order_states' },
      tombstones: 'not_ready',
      ratePerSecond: null,
      reconcileEveryMs: null,
    });
    const filter = states?.filter ?? new Map();
    expect(passes(filter, { review_status: null })).toBe(true);
    expect(passes(filter, {})).toBe(true);
    expect(passes(filter, { review_status: 'ACCEPTED' })).toBe(true);
    expect(passes(filter, { review_status: 'PENDING' })).toBe(false);
  });

  it('yields no targets if it is missing', () => {
    expect(readTargetsFile(undefined, taken)).toEqual([]);
  });

  it.each([
    ['{"name":', /no valid JSON/],
    [{}, /JSON array of up to 32/],
    [[5], /has to be an object/],
    [[{ name: 'A B', url }], /"name" has to be/],
    [[{ name: 'order-mgt', url }], /another target is/],
    [
      [
        { name: 'a', url },
        { name: 'a', url },
      ],
      /no. 2 .* another target is/,
    ],
    [[{ name: 'a' }], /either "url" or "topic"/],
    [[{ name: 'a', url, topic: 't' }], /either "url" or "topic"/],
    [[{ name: 'a', url: 'ftp://x' }], /"url" has to be an HTTP address/],
    [[{ name: 'a', url: 'https://elsewhere.example' }], /no "secretFile"/],
    [[{ name: 'a', url, secretFile: 'nowhere' }], /cannot be read/],
    [[{ name: 'a', topic: 'a b' }], /"topic" has to be/],
    [[{ name: 'a', topic: 'order_events' }], /one that order-sync reads/],
    [[{ name: 'a', topic: 't', secretFile: 'crm.secret' }], /only for a url/],
    [[{ name: 'a', url, apiKeyFile: 7 }], /"apiKeyFile" has to be the path/],
    [[{ name: 'a', url, apiKeyFile: 'nowhere' }], /"apiKeyFile" cannot be read/],
    [[{ name: 'a', url, apiKeyFile: 'two.keys' }], /"apiKeyFile" holds is no key: give one key/],
    [[{ name: 'a', url, apiKeyFile: 'empty' }], /"apiKeyFile" is empty/],
    [[{ name: 'a', topic: 't', apiKeyFile: 'crm.key' }], /"apiKeyFile" is only for a url/],
    [[{ name: 'a', topic: 't', caFile: 'ca.pem' }], /"caFile" is only for a url/],
    [[{ name: 'a', url, apiKeyFile: 'crm.key', apiKeyHeader: 'webhook-id' }], /written by order-sync itself/],
    [[{ name: 'a', url, apiKeyHeader: 'x-key' }], /needs "apiKeyFile"/],
    [[{ name: 'a', url, headersFile: 'two.keys' }], /"headersFile", line 1 has no colon/],
    [[{ name: 'a', url, certFile: 'crm.pem' }], /belong together/],
    [[{ name: 'a', url, oauth: { tokenUrl: 'https://id.example/token' } }], /"oauth" needs/],
    [[{ name: 'a', url, oauth: { ...oauth, tokenUrl: 'http://id.example/token' } }], /begin with https:/],
    [[{ name: 'a', url, oauth: { ...oauth, secret: 'hush' } }], /known in it are tokenUrl/],
    [[{ name: 'a', url, oauth, apiKeyFile: 'crm.key' }], /both be sent as Authorization/],
    [[{ name: 'a', topic: 't', oauth }], /"oauth.tokenUrl" is only for a url/],
    [[{ name: 'a', url, bodyFile: 'two.keys' }], /"bodyFile": it is no valid JSON/],
    [[{ name: 'a', url, cloudEvents: { mode: 'both' } }], /"cloudEvents" has to be an object such as/],
    [[{ name: 'a', url, verdicts: '500=delivered' }], /"verdicts": "500=delivered" would lose states/],
    [[{ name: 'a', topic: 't', verdicts: '409=delivered' }], /"verdicts" is only for a url/],
    [[{ name: 'a', url, caFile: 7 }], /"caFile" has to be the path/],
    [[{ name: 'a', url, tombstones: 'never' }], /only for a topic/],
    [[{ name: 'a', topic: 't', tombstones: 'always' }], /"never" or "not_ready"/],
    [[{ name: 'a', url, filter: [] }], /"filter" has to be an object/],
    [[{ name: 'a', url, filter: { colour: ['red'] } }], /names "colour"; the columns are order_status/],
    [[{ name: 'a', url, filter: { ready_to_send: ['yes'] } }], /each a boolean or null/],
    [[{ name: 'a', url, filter: { review_status: [] } }], /array of values/],
    [[{ name: 'a', url, concurrency: 0 }], /"concurrency" has to be a whole number from 1/],
    [[{ name: 'a', url, ratePerSecond: 1.5 }], /"ratePerSecond" has to be a whole number from 1/],
    [[{ name: 'a', url, reconcileEveryMs: -1 }], /"reconcileEveryMs" has to be a whole number from 0/],
    [[{ name: 'a', url, reconcileEveryMs: '1h' }], /"reconcileEveryMs" has to be a whole number from 0/],
    [[{ name: 'a', topic: 't', reconcileEveryMs: 0 }], /"reconcileEveryMs" is only for a url/],
    [[{ name: 'a', url, ratePerSec: 5 }], /has "ratePerSec"; known are name, url/],
  ])('holds a fault in %j, which gets refused with the reason and the remedy', (content, message) => {
    expect(() => read(content)).toThrow(message);
    expect(() => read(content)).toThrow(/^ORDER_SYNC_TARGETS_FILE: /);
  });

  it('never gets quoted in a message', () => {
    expect(() => read('[{"secret": "whsec_very_secret"')).not.toThrow(/very_secret/);
    expect(() => read([{ name: 'a', url, apiKeyFile: 'two.keys' }])).not.toThrow(/hush/);
  });
});
