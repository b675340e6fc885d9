import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import mysql from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import { acquireEach } from '../../../src/pipeline/ingest/acquire-each.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { IngestBatch } from '../../../src/ports/commit.ts';
import type { Store } from '../../../src/ports/store.ts';
import {
  acquireOne,
  batchOf,
  change,
  commitChanges,
  migrateParcels,
  move,
  SettableClock,
  TARGETS,
  TOPIC,
} from '../../contract/store/fixtures.ts';
import { HastyClock } from '../../helpers/hasty-clock.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { services } from '../../services/context.ts';
import { addressOf, TcpProxy, through } from '../../services/tcp-proxy.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => describeWaits(() => services().mysql.url));
describe.skipIf(services().lacks('mariadb'))('MariaDB', () => describeWaits(() => services().mariadb.url));

function describeWaits(serverUrl: () => string): void {
  const harness = new MysqlHarness(serverUrl);
  const clock = new HastyClock();
  let proxy: TcpProxy;
  /** A store behind the proxy, whose waits of seconds take milliseconds. */
  let store: Store;

  async function open(connections: number): Promise<Store> {
    const opened = openMysqlStore({
      ...mysqlServer(through(proxy, harness.url)),
      clock,
      logger: () => {},
      targets: TARGETS,
      connections,
    });
    return migrateParcels(opened, clock);
  }

  beforeEach(async () => {
    await harness.open({ clock, targets: TARGETS });
    proxy = await TcpProxy.start(addressOf(serverUrl()));
    store = await open(4);
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
    await harness.cleanup();
  });

  /** Runs `act` when the first statement that has this text is about to reach the server. */
  function when(text: string, act: () => void): void {
    proxy.onSent = (bytes) => {
      if (!bytes.includes(text)) return;
      proxy.onSent = () => {};
      act();
    };
  }

  describe('a server whose packets are dropped without a reset', () => {
    it.each(['UPDATE checkpoints', 'INSERT INTO `parcels`', 'INSERT INTO journal_segments', 'ROLLBACK'])(
      'a transaction without an answer to %s fails in time, and new connections work',
      async (statement) => {
        const checkpoint = await acquireOne(store);
        when(statement, () => proxy.swallow());
        // A checkpoint at another offset makes the transaction roll back.
        const from = statement === 'ROLLBACK' ? { ...checkpoint, nextOffset: 5n } : checkpoint;
        const { generation } = store;
        const commit = store.commit(batchOf([move(from)], [change('parcel', 0)]));
        if (statement === 'ROLLBACK') expect(await commit).toEqual({ kind: 'fenced' });
        else await expect(commit).rejects.toMatchObject({ code: 'store_unreachable', retryable: true });
        expect(store.generation).toBeGreaterThan(generation);
        proxy.heal();
        await Promise.all(Array.from({ length: 8 }, () => store.checkpoints()));
        expect(await store.readView(['parcel'])).toEqual(new Map());
      },
    );

    it('a COMMIT without an answer is reported as unknown', async () => {
      const checkpoint = await acquireOne(store);
      when('COMMIT', () => proxy.swallow());
      await expect(store.commit(batchOf([move(checkpoint)], [change('parcel', 0)]))).rejects.toMatchObject({
        code: 'store_commit_unknown',
      });
    });

    it('health() gives the reason, and is well again once packets pass', async () => {
      proxy.swallow();
      const health = await store.health();
      expect(health).toMatchObject({ ok: false, reason: expect.stringMatching(/does not answer .* \d+ s/) });
      proxy.heal();
      expect(await store.health()).toEqual({ ok: true });
    });

    it('an idle connection from before the break causes no error', async () => {
      await Promise.all(Array.from({ length: 4 }, () => store.checkpoints()));
      proxy.swallow();
      proxy.heal();
      const wasUsedLongAgo = 6_000;
      const real = clock.monotonicMs.bind(clock);
      clock.monotonicMs = () => real() + wasUsedLongAgo;
      try {
        await Promise.all(Array.from({ length: 4 }, () => store.checkpoints()));
        await acquireOne(store);
      } finally {
        clock.monotonicMs = real;
      }
    });

    it('a caller that has waited 10 s for a connection while all are in use gets an error', async () => {
      const busy = await open(1);
      const checkpoint = await acquireOne(busy);
      const isHanging = new Promise<void>((resolve) => {
        when('UPDATE checkpoints', () => {
          proxy.swallow();
          resolve();
        });
      });
      const commit = busy.commit(batchOf([move(checkpoint)], [change('parcel', 0)])).catch(() => {});
      await isHanging;
      const told = await busy.checkpoints().then(
        () => 'nothing',
        (error: Error) => error.message,
      );
      expect(told).toMatch(/all 1 connections have been in use/);
      await commit;
      proxy.heal();
      await busy.checkpoints();
      await busy.close();
    });

    it('the locks of a transaction whose client is gone are released, and its partition can be acquired', async () => {
      const checkpoint = await acquireOne(store);
      when('INSERT INTO journal_segments', () => proxy.swallow());
      await expect(store.commit(batchOf([move(checkpoint)], [change('parcel', 0)]))).rejects.toThrow();
      proxy.heal();
      const startedMs = performance.now();
      await expect
        .poll(
          () =>
            acquireOne(store).then(
              () => 'acquired',
              () => 'locked',
            ),
          { timeout: 25_000 },
        )
        .toBe('acquired');
      expect(performance.now() - startedMs).toBeLessThan(20_000);
      expect(await store.readView(['parcel'])).toEqual(new Map());
    });
  });

  describe('a connection that is closed', () => {
    it('a commit is unknown if its connection is lost with the COMMIT, and nothing of it stands then', async () => {
      const checkpoint = await acquireOne(store);
      when('COMMIT', () => proxy.cut());
      const batch = batchOf([move(checkpoint)], [change('parcel', 0)]);
      await expect(store.commit(batch)).rejects.toMatchObject({ code: 'store_commit_unknown' });
      expect((await store.readView(['parcel'])).size).toBe(0);
    });

    it('a transaction begins on another connection if the server has closed the idle one', async () => {
      const checkpoint = await acquireOne(store);
      when('SET autocommit = 0', () => proxy.cut());
      expect(await store.commit(batchOf([move(checkpoint)], [change('parcel', 0)]))).toMatchObject({
        kind: 'committed',
      });
    });
  });

  it('a small batch takes four packets: what is known, the beginning, all that is written, and the end', async () => {
    const single = await open(1);
    const checkpoint = await acquireOne(single);
    const batch = (from: Checkpoint, entityId: string) => {
      const plan: IngestBatch['plan'] = async (_, readJournals) => {
        await readJournals([entityId]);
        return [change(entityId, 0)];
      };
      return batchOf([move(from)], [change(entityId, 0)], { plan });
    };
    // The first batch has the statements prepared.
    await single.commit(batch(checkpoint, 'parcel'));
    const packets: Buffer[] = [];
    proxy.onSent = (bytes) => void packets.push(bytes);
    const next = { ...checkpoint, nextOffset: checkpoint.nextOffset + 1n };
    expect(await single.commit(batch(next, 'other'))).toMatchObject({ kind: 'committed' });
    expect(packets).toHaveLength(4);
    expect(packets[3]?.includes('COMMIT')).toBe(true);
    await single.close();
  });

  it('a connection commits its next statement by itself after a transaction was rolled back', async () => {
    const single = await open(1);
    const checkpoint = await acquireOne(single);
    const stale = { ...checkpoint, nextOffset: 5n };
    expect(await single.commit(batchOf([move(stale)], [change('parcel', 0)]))).toEqual({ kind: 'fenced' });
    const { accepted } = proxy;
    // This statement runs on the same connection. Others see its row only if it was committed by itself.
    await single.readSweep('warehouse');
    expect(proxy.accepted).toBe(accepted);
    expect(await harness.rawQuery('SELECT target FROM sweeps')).toHaveLength(1);
    await single.close();
  });

  it('many large rows are sent in packets that a server with a limit of 4 MiB accepts', async () => {
    const [limit] = await harness.rawQuery('SELECT @@GLOBAL.max_allowed_packet AS bytes');
    await harness.rawQuery('SET GLOBAL max_allowed_packet = 4194304');
    try {
      const small = await open(1);
      const data = JSON.stringify({ text: 'x'.repeat(200_000) });
      const changes = Array.from({ length: 64 }, (_, index) => {
        const changed = change(`parcel ${String(index).padStart(2, '0')}`, 0);
        return { ...changed, events: changed.events.map((event) => ({ ...event, data })) };
      });
      await commitChanges(small, ...changes);
      const quarantined = Array.from({ length: 64 }, (_, index) => ({
        topic: 'parcel_events',
        partition: 0,
        offset: BigInt(index),
        reason: 'json_invalid',
        detail: 'It is no JSON.',
        key: null,
        value: Buffer.alloc(200_000, index),
        valueLength: 200_000,
        valueHash: 'ab'.repeat(32),
        headers: Buffer.alloc(0),
        observedAtMs: 1,
      }));
      await small.commit(batchOf([], [], { quarantined }));
      await small.close();
    } finally {
      await harness.rawQuery(`SET GLOBAL max_allowed_packet = ${limit?.bytes}`);
    }
    expect(await harness.rawQuery('SELECT 1 FROM journal_segments')).toHaveLength(64);
    expect(await harness.rawQuery('SELECT 1 FROM quarantine')).toHaveLength(64);
  });

  it('every partition is acquired but the one whose checkpoint is locked', async () => {
    const partitions = [0, 1, 2, 3].map((partition) => ({
      topic: TOPIC,
      partition,
      topicId: 'topic-id-1',
      startOffset: 0n,
      endOffset: 0n,
    }));
    // The waits of this store take real time, as the database's wait for a lock does.
    const opened = await harness.openAgain({ clock: new SettableClock(), targets: TARGETS });
    const patient = await migrateParcels(opened, clock);
    await patient.acquire(partitions);
    const other = await mysql.createConnection({ uri: harness.url });
    try {
      await other.query('START TRANSACTION');
      await other.query(`SELECT * FROM checkpoints WHERE topic = '${TOPIC}' AND partition_id = 1 FOR UPDATE`);
      const { results, failures } = await acquireEach(patient, partitions);
      expect(results.map(({ partition }) => partition.partition).sort()).toEqual([0, 2, 3]);
      expect(failures).toMatchObject([{ error: { code: 'store_busy' }, partitions: [{ partition: 1 }] }]);
    } finally {
      other.destroy();
    }
    await expect.poll(async () => (await acquireEach(patient, partitions)).failures).toEqual([]);
  });

  it('a process that was stopped inside a transaction loses its partitions, and is fenced', async () => {
    const script = new URL('./stopped-process.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, harness.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    try {
      expect(await lines.next()).toMatchObject({ value: 'stopping' });
      const startedMs = performance.now();
      const acquire = () =>
        acquireOne(store).then(
          () => 'acquired',
          () => 'locked',
        );
      await expect.poll(acquire, { timeout: 30_000 }).toBe('acquired');
      expect(performance.now() - startedMs).toBeLessThan(25_000);
      child.kill('SIGCONT');
      expect(await lines.next()).toMatchObject({ value: expect.stringMatching(/^woken: (store_|fenced)/) });
      expect(await store.readView(['parcel'])).toEqual(new Map());
      expect((await store.checkpoints())[0]).toMatchObject({ nextOffset: 0n });
    } finally {
      child.kill('SIGKILL');
      child.kill('SIGCONT');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
}
