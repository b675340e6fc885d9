import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  ownIdentity,
  type ProcessIdentity,
} from '../../../src/adapters/embedded-log/group/process-identity.ts';
import { newDataDir, openLog } from './helpers.ts';

/** A log whose group has one member, in the process with this identity. */
async function logWithMember({ pid, scope, start }: ProcessIdentity) {
  const dataDir = await newDataDir();
  const log = openLog(dataDir);
  await log.createTopics([{ topic: 'orders', partitions: 1 }]);
  const database = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
  database.prepare('INSERT INTO consumer_groups VALUES (?, 1)').run('sync');
  database
    .prepare('INSERT INTO members VALUES (?, ?, ?, ?, ?, 0, ?)')
    .run('sync', 'member', pid, scope, start, '["orders"]');
  database.close();
  return log;
}

/** The identity of a process that has ended. */
function endedIdentity(): ProcessIdentity {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  return { ...ownIdentity(), pid };
}

describe('handing a group of the embedded log to another store', () => {
  it('succeeds although a member is left whose process is gone', async () => {
    const log = await logWithMember(endedIdentity());
    expect(await log.handGroupTo('sync', 'store-2')).toEqual({ former: null });
    expect(await log.handGroupTo('sync', 'store-2')).toEqual({ former: null });
    expect(await log.handGroupTo('sync', 'store-3')).toEqual({ former: 'store-2' });
  });

  it.each([
    ['in a process that lives', ownIdentity()],
    ['on another host, which may live', { ...ownIdentity(), scope: 'another host' }],
  ])('fails while the group has a member %s', async (_, identity) => {
    const log = await logWithMember(identity);
    await expect(log.handGroupTo('sync', 'store-2')).rejects.toMatchObject({ code: 'usage' });
  });
});
