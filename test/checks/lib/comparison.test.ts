import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Oracle, readFact } from '../oracle.ts';
import { compareTarget, compareWithOracle } from './comparison.ts';
import { SAMPLES, sampleRecord } from './samples.ts';
import { Tables } from './tables.ts';

const topics = { order: 'order_events', payment: 'payment_events' };
const records = SAMPLES.slice(0, 3).map((sample) => sampleRecord(sample, topics));
const READY = "'CREATED', 'PAYMENT_AUTHORIZED', NULL, 1";

let folder: string;
let database: DatabaseSync;
let tables: Tables;
let oracle: Oracle;

/** Makes the tables as they must be after the first two samples, with one malformed record at order_events/0@7. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'comparison-'));
  const file = join(folder, 'tables.sqlite');
  database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE event_journal (entity_id TEXT, event_id TEXT, content_hash BLOB, event_type TEXT, topic TEXT,
      partition_id INTEGER, record_offset INTEGER, data TEXT);
    CREATE TABLE orders (order_id TEXT, order_status TEXT, payment_status TEXT, review_status TEXT,
      ready_to_send INTEGER, version INTEGER);
    CREATE TABLE quarantine (topic TEXT, partition_id INTEGER, record_offset INTEGER, reason TEXT, settled_as TEXT);
    INSERT INTO orders VALUES ('order123', ${READY}, 2);
    INSERT INTO quarantine VALUES ('order_events', 0, 7, 'json_invalid', NULL);
  `);
  oracle = new Oracle(topics);
  for (const number of [0, 1]) {
    oracle.add(records[number] as (typeof records)[number]);
    journal(number);
  }
  tables = new Tables(`sqlite:${file}`);
});

afterEach(async () => {
  await tables.close();
  database.close();
  rmSync(folder, { recursive: true });
});

function journal(number: number, entityId = 'order123'): void {
  const record = records[number] as (typeof records)[number];
  const { contentHash } = readFact(record, topics);
  database
    .prepare('INSERT INTO event_journal VALUES (?, ?, ?, ?, ?, 0, ?, ?)')
    .run(
      entityId,
      `derived-${number}`,
      Buffer.from(contentHash, 'hex'),
      number === 0 ? 'ORDER' : 'PAYMENT',
      record.topic,
      number,
      String(record.value),
    );
}

const compare = () => compareWithOracle(tables, oracle, new Set(['order_events/0@7']));
const FAULTLESS = {
  lost: 0,
  duplicated: 0,
  divergent: 0,
  bodies_different: 0,
  quarantined: 1,
  malformed: 1,
  quarantine_different: 0,
  examples: [],
};

describe('the comparison with the oracle', () => {
  it('finds no fault in right tables', async () => {
    expect(await compare()).toEqual(FAULTLESS);
  });

  it.each([
    ['a lost event', 'DELETE FROM event_journal WHERE event_id = ?', 'derived-1', { lost: 1 }],
    ['a missing row', 'DELETE FROM orders WHERE order_id = ?', 'order123', { divergent: 1 }],
    ['another status', 'UPDATE orders SET payment_status = ?', 'PAYMENT_AUHTORIZED', { divergent: 1 }],
    ['a status in place of NULL', 'UPDATE orders SET review_status = ?', 'PENDING', { divergent: 1 }],
    ['another readiness', 'UPDATE orders SET ready_to_send = ?', 0, { divergent: 1 }],
    ['another version', 'UPDATE orders SET version = ?', 3, { divergent: 1 }],
    ['another spelling of an id', 'UPDATE orders SET order_id = ?', 'Order123', { divergent: 2 }],
    ['an unexpected row', `INSERT INTO orders VALUES (?, ${READY}, 2)`, 'other', { divergent: 1 }],
    ['a repeated row', `INSERT INTO orders VALUES (?, ${READY}, 2)`, 'order123', { divergent: 1 }],
    [
      'a body with another hash',
      'UPDATE event_journal SET data = ? WHERE record_offset = 1',
      '{}',
      { bodies_different: 1 },
    ],
    [
      'a missing malformed record',
      'DELETE FROM quarantine WHERE topic = ?',
      'order_events',
      { quarantined: 0, quarantine_different: 1 },
    ],
    [
      'the wrong record in quarantine',
      'UPDATE quarantine SET record_offset = ?',
      8,
      { quarantined: 1, quarantine_different: 2 },
    ],
  ])('finds %s', async (_name, sql, value, figures) => {
    database.prepare(sql).run(value);
    const { examples, ...found } = await compare();
    const { examples: _none, ...faultless } = FAULTLESS;
    expect(found).toEqual({ ...faultless, ...figures });
    expect(examples.length).toBeGreaterThan(0);
  });

  it('finds an event that is journaled twice, one that nobody published, and one under another order', async () => {
    journal(0);
    journal(2);
    journal(1, 'other');
    expect(await compare()).toMatchObject({ lost: 0, duplicated: 3 });
  });

  it('finds missing and surplus baseline events', async () => {
    const row = { orderStatus: 'CREATED', paymentStatus: null, reviewStatus: null };
    oracle.adopt({ orderId: 'adopted', ...row });
    database.exec("INSERT INTO orders VALUES ('adopted', 'CREATED', NULL, NULL, 0, 1)");
    expect(await compare()).toMatchObject({ lost: 1, divergent: 0 });
    const baseline = "INSERT INTO event_journal VALUES ('adopted', 'b', x'00', 'BASELINE', '', 0, 0, '{}')";
    database.exec(baseline);
    expect(await compare()).toMatchObject({ lost: 0, duplicated: 0 });
    database.exec(baseline);
    expect(await compare()).toMatchObject({ lost: 0, duplicated: 1 });
  });
});

describe('the comparison with the target', () => {
  const different = async (sent?: ReadonlySet<string>) =>
    (await compareTarget(tables, oracle, sent)).target_different;

  it('finds no fault if the target holds the ready orders, at the same version or an earlier one', async () => {
    expect(await different()).toBe(0);
    database.exec('UPDATE orders SET version = 1');
    expect(await different()).toBe(0);
  });

  it.each([
    ['lacks a ready order', 'DELETE FROM orders'],
    ['holds another state', 'UPDATE orders SET payment_status = NULL'],
    ['holds a version that does not exist', 'UPDATE orders SET version = 3'],
    ['holds an order that does not exist', "UPDATE orders SET order_id = 'other'"],
  ])('finds that the target %s', async (_name, sql) => {
    database.exec(sql);
    expect(await different()).toBeGreaterThan(0);
  });

  it('accepts that the target lacks an order that another program had sent', async () => {
    database.exec('DELETE FROM orders');
    expect(await different(new Set(['order123']))).toBe(0);
  });

  it('accepts that the target lacks an order that is not ready', async () => {
    oracle.add(records[2] as (typeof records)[number]);
    database.exec('DELETE FROM orders');
    expect(await different()).toBe(0);
  });
});
