import { expect, it } from 'vitest';
import { SYNCED_ORDERS } from '../../../../src/apps/shared/settings/synced.ts';
import { testServer } from './test-server.ts';

it('only the path of the entities themselves leads to them, not each path that begins like it', async () => {
  const { ask } = await testServer(['a'], { synced: { ...SYNCED_ORDERS, plural: 'set' } });
  for (const path of ['/api/v1/set', '/api/v1/set?limit=1'])
    expect((await ask(path)).body.data, path).toMatchObject([{ orderId: 'a' }]);
  expect((await ask('/api/v1/set/a')).body).toMatchObject({ orderId: 'a' });
  expect(await ask('/api/v1/settings')).toMatchObject({ status: 200 });
  expect(await ask('/api/v1/sets')).toMatchObject({ status: 404 });
});
