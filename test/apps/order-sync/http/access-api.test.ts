import { describe, expect, it } from 'vitest';
import { accessFor } from '../../../../src/apps/order-sync/http/access.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { testServer } from './test-server.ts';

const URL = '/api/v1/access';

describe('the route that tells what a caller may do', () => {
  it('grants everything on a server without keys', async () => {
    const { ask } = await testServer([]);
    expect((await ask(URL)).body).toEqual({
      keyNeeded: false,
      keyName: null,
      scopes: ['read', 'operate'],
      tryIt: false,
    });
  });

  it('names the key and its scopes, and answers 401 without one', async () => {
    const reader = makeApiKey('reader', ['read']);
    const both = makeApiKey('both', ['read', 'operate']);
    const apiKeys = `${reader.entry} ${both.entry}`;
    const { ask } = await testServer([], { access: accessFor({ apiKeys, host: '127.0.0.1' }, () => {}) });
    const as = async (key: string) => (await ask(URL, { headers: { authorization: `Bearer ${key}` } })).body;
    expect((await ask(URL)).status).toBe(401);
    expect(await as(reader.key)).toMatchObject({ keyNeeded: true, keyName: 'reader', scopes: ['read'] });
    expect(await as(both.key)).toMatchObject({ keyName: 'both', scopes: ['read', 'operate'] });
  });
});

describe('the route that shows the settings', () => {
  it('shows each setting with its source, and no secret', async () => {
    const { entry, key } = makeApiKey('reader', ['read']);
    const { entries: settingEntries } = loadSettings('order-sync', {
      env: {
        ORDER_SYNC_API_KEYS: entry,
        ORDER_SYNC_STATUS_KEY: key,
        DATABASE_URL: 'mysql://sync:hidden-word@db/events',
      },
      flags: { lanes: '2' },
    });
    const { ask } = await testServer([], { settingEntries });
    const { body } = await ask('/api/v1/settings');
    expect(body).toMatchObject({
      program: 'order-sync',
      version: expect.stringMatching(/^\d/),
      node: process.version,
    });
    expect(body.commit ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}$/);
    expect(body.entries).toEqual(settingEntries);
    expect(body.entries).toContainEqual(
      expect.objectContaining({ name: 'ORDER_SYNC_LANES', value: '2', source: 'flag', from: '--lanes' }),
    );
    for (const secret of [entry, key, 'hidden-word']) expect(JSON.stringify(body)).not.toContain(secret);
  });
});
