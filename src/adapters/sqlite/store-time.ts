import { readFileSync } from 'node:fs';
import type { Clock } from '../../ports/clock.ts';
import type { Connection } from './database.ts';
import { numberOf } from './values.ts';

/** The times that the store goes by, in milliseconds. */
export interface StoreTime {
  /**
   * The time for retries and waits, which outlive a restart of the machine: milliseconds since 1970, as the programs of
   * this file agreed on when the machine started. Setting the machine's clock does not change it.
   */
  now(connection: Connection): number;
  /** Converts a moment of `now` into a moment of the machine's clock. */
  shown(connection: Connection, atMs: number): number;
  /**
   * The time for leases: milliseconds since the machine started. All processes that share the file are on this machine,
   * and nobody can set this time. A lease from before the machine started is over.
   */
  leaseNow(): number;
  /** Agrees with the other programs of this file on the start of `now`. Called once for each opening of the store. */
  fix(writer: Connection): void;
}

export class MachineTime implements StoreTime {
  readonly #clock: Clock;
  readonly #bootId: string | null;

  /**
   * `bootId` changes whenever the machine starts. Null means that the machine does not tell; then its clock is used.
   */
  constructor(clock: Clock, bootId: string | null = readBootId()) {
    this.#clock = clock;
    this.#bootId = bootId;
  }

  now(connection: Connection): number {
    return this.#clock.now() + this.#clockIsBehindMs(connection);
  }

  shown(connection: Connection, atMs: number): number {
    return atMs - this.#clockIsBehindMs(connection);
  }

  leaseNow(): number {
    return Math.floor(this.#clock.monotonicMs());
  }

  fix(writer: Connection): void {
    if (this.#bootId === null) return;
    writer
      .statement(`
        INSERT INTO store_time (only_row, boot_id, began_at) VALUES (1, ?1, ?2)
        ON CONFLICT DO UPDATE SET boot_id = ?1, began_at = ?2 WHERE boot_id <> ?1`)
      .run(this.#bootId, this.#beganAtMs());
  }

  /**
   * How far the machine's clock is behind `now`. 0 in a file from another machine or an older program, until a program
   * starts on it.
   */
  #clockIsBehindMs(connection: Connection): number {
    if (this.#bootId === null || !hasTable(connection)) return 0;
    const fixed = connection.statement('SELECT began_at FROM store_time WHERE boot_id = ?').get(this.#bootId);
    return fixed === undefined ? 0 : numberOf(fixed.began_at) - this.#beganAtMs();
  }

  #beganAtMs(): number {
    return Math.round(this.#clock.now() - this.#clock.monotonicMs());
  }
}

function hasTable(connection: Connection): boolean {
  const { names } = connection;
  return (
    connection.statement('SELECT 1 FROM sqlite_master WHERE name = ?').get(names.of('store_time')) !==
    undefined
  );
}

/** Linux shows it to every user. */
function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
