import { describe, expect, it, onTestFinished } from 'vitest';
import { type Durability, LogDatabase } from '../../../../src/adapters/embedded-log/file/database.ts';
import { resolveOptions } from '../../../../src/adapters/embedded-log/options.ts';
import { AppendQueue } from '../../../../src/adapters/embedded-log/producing/append-queue.ts';
import { createTopics } from '../../../../src/adapters/embedded-log/topics.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { newRecord } from '../../../contract/event-log-harness.ts';
import { newDataDir } from '../helpers.ts';

/** A database that does the work of a write at once. Its COMMIT ends when the test resolves `commit`. */
function slowDatabase() {
  const asked: Durability[] = [];
  const commit = Promise.withResolvers<void>();
  // It may reject before anything waits for it.
  commit.promise.catch(() => {});
  const ran: string[] = [];
  const database = {
    async write(_what: string, durability: Durability, work: () => void) {
      asked.push(durability);
      work();
      await commit.promise;
    },
    statement: (sql: string) => ({
      all: () => [[1, 'topic', 'topic-id', 0, 0, 0]],
      get: () => [1, 'topic', 'topic-id', 0, 0, 0],
      run: () => void ran.push(sql),
    }),
  };
  return { database: database as unknown as LogDatabase, asked, ran, commit };
}

describe('an append to the embedded log', () => {
  const options = resolveOptions({ dataDir: 'not used', clock: systemClock, logger: () => {} });

  it('an append resolves only when its commit has ended, which survives a power loss', async () => {
    const { database, asked, ran, commit } = slowDatabase();
    const appending = new AppendQueue(database, options).append([newRecord('topic', 'k', 'v')]);
    let isAnswered = false;
    void appending.then(() => {
      isAnswered = true;
    });
    await systemClock.sleep(50);
    expect(ran.some((sql) => sql.includes('record_batches'))).toBe(true);
    expect(isAnswered).toBe(false);
    commit.resolve();
    expect(await appending).toHaveLength(1);
    expect(asked).toEqual(['durable']);
  });

  it('an append rejects when its commit fails', async () => {
    const { database, commit } = slowDatabase();
    const appending = new AppendQueue(database, options).append([newRecord('topic', 'k', 'v')]);
    commit.reject(new Error('disk full'));
    await expect(appending).rejects.toMatchObject({ code: 'log_append_failed' });
  });
});

describe('a producer that another one shuts out', () => {
  it.each([1, 2, 3])(
    'its appends fail in a transaction of %i appends, and those of the others do not',
    async (count) => {
      const logOptions = resolveOptions({ dataDir: await newDataDir(), clock: systemClock });
      const database = new LogDatabase(logOptions);
      onTestFinished(() => database.close());
      await createTopics(database, [{ topic: 'topic', partitions: 1 }], systemClock.uuid);
      const queue = new AppendQueue(database, logOptions);
      const append = (producer: string, shutsOut: string[] = []) =>
        queue.append([newRecord('topic', 'k', producer)], { producer, shutsOut });
      // The appends of one turn go into one transaction, in their sequence.
      const together = await Promise.allSettled([append('old'), append('new', ['old']), append('old')]);
      expect(together.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      const later = await Promise.allSettled(
        Array.from({ length: count }, (_, index) => append(['old', 'new', 'old'][index] as string)),
      );
      expect(later.map(({ status }) => status)).toEqual(
        ['rejected', 'fulfilled', 'rejected'].slice(0, count),
      );
      expect(later[0]).toMatchObject({ reason: { code: 'log_shut_out' } });
    },
  );
});
