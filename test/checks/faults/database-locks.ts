/** Finds locks and open transactions in the database, and freezes programs while they hold them. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';
import type { HeldConnection, TcpProxy } from '../../services/index.ts';
import type { Program } from '../lib/programs.ts';
import type { Stage } from './stage.ts';

const COMMIT = Buffer.from('\x03COMMIT');
const PACKET_HEAD_BYTES = 4;

/** Returns the index of the MySQL packet with COMMIT, or -1. Source: MySQL's client/server protocol, COM_QUERY. */
export function commitIn(bytes: Buffer): number {
  const at = bytes.indexOf(COMMIT);
  return at < PACKET_HEAD_BYTES ? -1 : at - PACKET_HEAD_BYTES;
}

/** Counts the rows of the table that are locked now. */
async function lockedRows(url: string, table: string): Promise<number> {
  const connection = await mysql.createConnection({ uri: url, rowsAsArray: true });
  try {
    const [all] = await connection.query<mysql.RowDataPacket[][]>(`SELECT COUNT(*) FROM ${table}`);
    await connection.query('BEGIN');
    let locked = 0;
    const total = Number(all[0]?.[0]);
    for (let row = 0; row < total; row++) {
      const isFree = await connection
        .query(`SELECT 1 FROM ${table} ORDER BY 1 LIMIT 1 OFFSET ${row} FOR UPDATE NOWAIT`)
        .then(() => true)
        .catch(() => false);
      if (!isFree) locked++;
    }
    await connection.query('ROLLBACK');
    return locked;
  } finally {
    await connection.end();
  }
}

const PATIENCE_SECONDS = 60;

/**
 * Stops the program by SIGSTOP between its last statement and its COMMIT. Its connections must go through the proxy.
 * Resolves when an open transaction holds rows of `checkpoints` or, for order-mgt, when any transaction is open.
 */
export async function freezeBeforeCommit(
  stage: Stage,
  program: Program,
  proxy: TcpProxy,
  isRight: () => Promise<boolean>,
): Promise<HeldConnection> {
  const deadlineMs = performance.now() + PATIENCE_SECONDS * 1_000;
  while (performance.now() < deadlineMs) {
    const held = await Promise.race([
      proxy.holdNext(commitIn),
      stage.wait(PATIENCE_SECONDS).then(() => Promise.reject(new Error(`${program.label} commits nothing`))),
    ]);
    process.kill(program.pid, 'SIGSTOP');
    if (await isRight()) return held;
    process.kill(program.pid, 'SIGCONT');
    held.release();
  }
  throw new Error(`${program.label} was not found in a transaction`);
}

/** Tells whether an open transaction has locked checkpoints. */
export async function areCheckpointsLocked(url: string): Promise<boolean> {
  return (await lockedRows(url, 'checkpoints')) > 0;
}

/** Counts the open transactions at the server that have modified rows. */
export async function openTransactions(url: string): Promise<number> {
  const connection = await mysql.createConnection({ uri: url, rowsAsArray: true });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[][]>(
      'SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 0',
    );
    return Number(rows[0]?.[0]);
  } finally {
    await connection.end();
  }
}

/** Stops the program by SIGSTOP while it holds the write lock of the SQLite file. */
export async function freezeInWrite(stage: Stage, program: Program, file: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_SECONDS * 1_000;
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    while (performance.now() < deadlineMs) {
      stage.check.signal.throwIfAborted();
      if (isLocked(database)) {
        process.kill(program.pid, 'SIGSTOP');
        await stage.wait(0.05);
        if (isLocked(database)) return;
        process.kill(program.pid, 'SIGCONT');
      }
      await stage.wait(0.001);
    }
  } finally {
    database.close();
  }
  throw new Error(`${program.label} was not found in a transaction`);
}

function isLocked(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec('ROLLBACK');
    return false;
  } catch {
    return true;
  }
}
