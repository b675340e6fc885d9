import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Effects } from './effects.ts';

let folder: string;
let target: DatabaseSync;
let effects: Effects;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-test-'));
  const file = join(folder, 'order-mgt.sqlite');
  target = new DatabaseSync(file);
  target.exec(`
    CREATE TABLE orders (order_id TEXT PRIMARY KEY, version INTEGER);
    CREATE TABLE deliveries_received (
      sequence INTEGER PRIMARY KEY, delivery_id TEXT UNIQUE, order_id TEXT, version INTEGER, effect TEXT)`);
  effects = new Effects(file);
});

afterEach(() => {
  effects.close();
  target.close();
  rmSync(folder, { recursive: true });
});

function receive(id: string, version: number): void {
  target
    .prepare(
      "INSERT INTO deliveries_received (delivery_id, order_id, version, effect) VALUES (?, 'a', ?, 'applied')",
    )
    .run(id, version);
  apply(version);
}

function apply(version: number): void {
  target
    .prepare("INSERT INTO orders VALUES ('a', ?) ON CONFLICT DO UPDATE SET version = excluded.version")
    .run(version);
}

describe('the record of effects at order-mgt', () => {
  it('finds no fault if every state has one effect and versions rise', () => {
    receive('one', 2);
    receive('two', 4);
    expect(effects.figures()).toEqual({
      effects: 2,
      orders_sent: 1,
      states_sent_again: 1,
      double_effects: 0,
      versions_fallen: 0,
    });
    expect(effects.count()).toBe(2);
  });

  it('finds a delivery with two effects', () => {
    receive('one', 2);
    apply(2);
    expect(effects.figures()).toMatchObject({ double_effects: 1, versions_fallen: 1 });
  });

  it('finds a state that was received under two ids, and an effect without a receipt', () => {
    receive('one', 2);
    receive('other', 2);
    apply(3);
    expect(effects.figures().double_effects).toBe(3);
  });

  it('finds a version that fell, and a deleted order', () => {
    receive('two', 4);
    receive('one', 2);
    expect(effects.figures().versions_fallen).toBe(2);
    target.exec('DELETE FROM orders');
    expect(effects.figures().versions_fallen).toBe(3);
  });
});
