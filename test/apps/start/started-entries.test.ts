import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { isGiven, startedEntries } from '../../../src/apps/start/started-entries.ts';

describe('the settings that npm start shows for its order-sync', () => {
  const own = loadSettings('tributary', {
    env: { LOG_LEVEL: 'warn' },
    flags: { dataDirectory: '/data', orderSyncPort: '4000' },
  });
  const handedOn = { LOG_LEVEL: 'warn', TRIBUTARY_DATA_DIR: '/data', ORDER_SYNC_PORT: '4000' };
  const { entries } = loadSettings('order-sync', { env: { ...handedOn, ORDER_SYNC_LANES: '2' } });
  const shown = startedEntries(entries, own.entries, { targetUrl: 'http://localhost:1/', offersTry: true });
  const of = (name: string) => shown.find((entry) => entry.name === name);

  it('keep the sources of the program that handed them on', () => {
    expect(of('TRIBUTARY_DATA_DIR')).toMatchObject({ value: '/data', source: 'flag', from: '--data-dir' });
    expect(of('ORDER_SYNC_PORT')).toMatchObject({ value: '4000', source: 'flag', from: '--order-sync-port' });
    expect(of('LOG_LEVEL')).toMatchObject({ value: 'warn', source: 'env' });
    expect(of('ORDER_SYNC_LANES')).toMatchObject({ value: '2', source: 'env', from: 'ORDER_SYNC_LANES' });
    expect(of('ORDER_SYNC_GROUP')).toMatchObject({ source: 'default' });
  });

  it('name npm start as the source of what it chooses itself', () => {
    expect(of('ORDER_SYNC_TRY')).toMatchObject({ value: 'true', source: 'default', from: 'npm start' });
    expect(of('ORDER_SYNC_TARGET_URL')).toMatchObject({ value: 'http://localhost:1/', from: 'npm start' });
  });

  it('keep a target that somebody has set, whatever npm start would choose', () => {
    for (const source of ['env', 'file', 'flag'] as const) {
      const given = entries.map((entry) =>
        entry.name === 'ORDER_SYNC_TARGET_URL' ? { ...entry, value: 'http://shop.example/', source } : entry,
      );
      const [entry] = startedEntries(given, own.entries, { targetUrl: 'http://localhost:1/' }).filter(
        ({ name }) => name === 'ORDER_SYNC_TARGET_URL',
      );
      expect(entry).toMatchObject({ value: 'http://shop.example/', source });
    }
  });

  it('mask the key that npm start makes', () => {
    const key = 'trb_secret';
    const [entry] = startedEntries(entries, own.entries, { targetApiKey: key }).filter(
      ({ name }) => name === 'ORDER_SYNC_TARGET_API_KEY',
    );
    expect(entry?.value).not.toContain(key);
    expect(entry?.from).toBe('npm start');
  });

  it('tell whether somebody has set one', () => {
    expect([isGiven(entries, 'ORDER_SYNC_LANES'), isGiven(entries, 'ORDER_SYNC_TRY')]).toEqual([true, false]);
  });
});
