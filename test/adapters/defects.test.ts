import { describe, expect, it, onTestFinished } from 'vitest';
import type { LogDatabase } from '../../src/adapters/embedded-log/file/database.ts';
import { asLogError } from '../../src/adapters/embedded-log/file/schema.ts';
import {
  type FollowedPartition,
  readPartitionRecords,
} from '../../src/adapters/embedded-log/reading/partition-reader.ts';
import { unreachable } from '../../src/adapters/kafka/errors.ts';
import { storeError as mysqlStoreError } from '../../src/adapters/mysql/errors.ts';
import { storeError as sqliteStoreError } from '../../src/adapters/sqlite/errors.ts';
import { DefectError, isDefect } from '../../src/core/errors.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import { newRecord } from '../contract/event-log-harness.ts';
import { newDataDir, openLog } from './embedded-log/helpers.ts';

const remedies = {
  setting: 'DATABASE_URL',
  setUp: 'Run order-sync migrate.',
  host: 'localhost',
  port: 3306,
  user: 'sync',
  database: 'orders',
  hasTls: false,
  hasCertificate: false,
};
const EDGES: readonly (readonly [string, (error: unknown) => unknown])[] = [
  ['the MySQL store', (error) => mysqlStoreError('statement', error, remedies)],
  ['the SQLite store', (error) => sqliteStoreError(error, 'orders.sqlite')],
  ['the embedded log', (error) => asLogError(error, 'A read failed')],
  ['the Kafka log', (error) => unreachable('a fetch', error)],
];

function fromSystem(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code, errno: -5, syscall: 'stat' });
}

describe.each(EDGES)('the edge of %s', (_, translate) => {
  it.each([new TypeError('x is not a function'), new DefectError('It does not hold.')])(
    'a mistake of the program stays a defect: %s',
    (mistake) => {
      const translated = translate(mistake);
      expect(isDefect(translated)).toBe(true);
      const root = translated instanceof DefectError ? (translated.cause ?? translated) : translated;
      expect(root).toBe(mistake);
    },
  );

  it.each(['ENOENT', 'EIO', 'ECONNRESET'])('an error of the system (%s) becomes a TributaryError', (code) => {
    const translated = translate(fromSystem(code));
    expect(translated).toMatchObject({ name: 'TributaryError', message: expect.stringContaining(code) });
    expect(isDefect(translated)).toBe(false);
  });
});

describe('the reader of the embedded log', () => {
  const followed = (): FollowedPartition => ({
    row: { topic: 'orders', partition: 0, partitionId: 1, topicId: 'id', startOffset: 0, endOffset: 9 },
    nextOffset: 3,
    endOffset: 9,
  });
  const readingThatThrows = (error: Error) => {
    const statement = () => ({
      iterate: () => {
        throw error;
      },
    });
    const limits = { maxRecords: 10, maxBytes: 1_000, atLeastOne: true };
    return readPartitionRecords({ statement } as unknown as LogDatabase, followed(), limits);
  };

  it('bytes that end too early are a corrupt batch', () => {
    const { fault } = readingThatThrows(new RangeError('Offset is outside the bounds of the DataView'));
    expect(fault).toMatchObject({ kind: 'corrupt_batch', offset: 3n });
  });

  it('a mistake of the program halts no partition', () => {
    const mistake = new TypeError('x is not a function');
    expect(() => readingThatThrows(mistake)).toThrow(mistake);
  });
});

describe('the producer of the embedded log', () => {
  it('a mistake of the program fails the one append that meets it, and no other of the same transaction', async () => {
    const log = openLog(await newDataDir());
    await log.createTopics([{ topic: 'orders', partitions: 1 }]);
    const producer = log.producer();
    onTestFinished(() => producer.close());
    let isBroken = false;
    const broken: NewRecord = {
      ...newRecord('orders', 'b', '2'),
      get value() {
        if (isBroken) throw new TypeError('x is not a function');
        return Buffer.from('2');
      },
    };
    const appends = [
      producer.append([newRecord('orders', 'a', '1')]),
      producer.append([broken]),
      producer.append([newRecord('orders', 'c', '3')]),
    ];
    isBroken = true;
    const outcomes = await Promise.allSettled(appends);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'defect', retryable: false } });
    isBroken = false;
    expect(await producer.append([broken, newRecord('orders', 'd', '4')])).toHaveLength(2);
    const [described] = await log.describe(['orders']);
    expect(described?.partitions[0]?.endOffset).toBe(4n);
  });
});
