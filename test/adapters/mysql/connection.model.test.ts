import fc from 'fast-check';
import type { PoolConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { inTransaction, Rollback, withConnection } from '../../../src/adapters/mysql/connection.ts';
import type { ConnectionPool } from '../../../src/adapters/mysql/connection-pool.ts';
import { DeadlineError } from '../../../src/adapters/mysql/errors.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { holdsInTime } from '../../helpers/properties.ts';

/** What becomes of one statement. `gone`: the server has closed the connection. `late`: it gives no answer in time. */
type Fate = 'well' | 'refused' | 'gone' | 'late';
/** How the work in the transaction ends. */
type Work = 'well' | 'rolls back' | 'busy' | 'gone' | 'late' | 'mistake';

function errorOf(fate: Exclude<Fate, 'well'>): Error {
  if (fate === 'late') return new DeadlineError('no answer to a statement for 15 s');
  const code = fate === 'gone' ? 'PROTOCOL_CONNECTION_LOST' : 'ER_UNKNOWN_ERROR';
  return Object.assign(new Error(`It is ${fate}.`), { code, fatal: fate === 'gone' });
}

/** Connections that note their statements, and what became of each of them. */
class Pool {
  readonly options = { commitEvidence: 'the checkpoints' };
  readonly remedies = { host: 'h', port: 1, user: 'u', database: 'd' };
  readonly idleTransactionSeconds = 8;
  readonly borrowed: { readonly statements: string[]; end: 'given back' | 'discarded' | null }[] = [];
  readonly #fateOf: (statement: string, connection: number) => Fate;
  readonly #canBorrow: (times: number) => boolean;

  constructor(
    fateOf: (statement: string, connection: number) => Fate,
    canBorrow: (times: number) => boolean = () => true,
  ) {
    this.#fateOf = fateOf;
    this.#canBorrow = canBorrow;
  }

  async borrow(): Promise<PoolConnection> {
    if (!this.#canBorrow(this.borrowed.length)) throw errorOf('gone');
    const number = this.borrowed.length;
    const statements: string[] = [];
    this.borrowed.push({ statements, end: null });
    return {
      number,
      query: async (statement: string) => {
        statements.push(statement);
        const fate = this.#fateOf(statement, number);
        if (fate !== 'well') throw errorOf(fate);
      },
    } as unknown as PoolConnection;
  }

  setDeadline(): void {}

  async begin(connection: PoolConnection, variables: string): Promise<void> {
    await connection.query(`SET autocommit = 0, ${variables}`);
  }

  async ended(connection: PoolConnection, variables: string): Promise<void> {
    await connection.query(`SET autocommit = 1, ${variables}`);
  }

  giveBack(connection: PoolConnection): void {
    this.#end(connection, 'given back');
  }

  discard(connection: PoolConnection): void {
    this.#end(connection, 'discarded');
  }

  #end(connection: PoolConnection, how: 'given back' | 'discarded'): void {
    const known = this.borrowed[(connection as unknown as { number: number }).number];
    if (known?.end !== null) throw new Error('A connection is given back twice.');
    known.end = how;
  }

  get port(): ConnectionPool {
    return this as unknown as ConnectionPool;
  }
}

async function work(how: Work): Promise<string> {
  switch (how) {
    case 'well':
      return 'done';
    case 'rolls back':
      throw new Rollback('left');
    case 'busy':
      throw Object.assign(new Error('Deadlock found'), { code: 'ER_LOCK_DEADLOCK' });
    case 'mistake':
      throw new TypeError('x is no y');
    default:
      throw errorOf(how);
  }
}

const fates = fc.constantFrom<Fate>('well', 'well', 'well', 'refused', 'gone', 'late');
const works = fc.constantFrom<Work>('well', 'well', 'rolls back', 'busy', 'gone', 'late', 'mistake');
const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );

describe('a transaction', () => {
  it('ends by one COMMIT or none, and its connection is used again only with a clean session', async () => {
    const transactions = fc.record({
      begins: fc.array(fates, { minLength: 3, maxLength: 3 }),
      how: works,
      commit: fates,
      rollback: fates,
      end: fates,
      borrows: fc.constantFrom(0, 1, 9),
    });
    await holdsInTime(
      fc.asyncProperty(transactions, async ({ begins, how, commit, rollback, end, borrows }) => {
        const pool = new Pool(
          (statement, number) => {
            if (statement === 'COMMIT') return commit;
            if (statement === 'ROLLBACK') return rollback;
            return statement.startsWith('SET autocommit = 0') ? (begins[number] ?? 'well') : end;
          },
          (times) => times < borrows,
        );
        let works = 0;
        const outcome = await outcomeOf(
          inTransaction(pool.port, () => {
            works++;
            return work(how);
          }),
        );
        const { borrowed } = pool;
        for (const each of borrowed) expect(each.end).not.toBeNull();
        const statements = borrowed.flatMap((each) => each.statements);
        const times = (statement: string) => statements.filter((each) => each === statement).length;

        // A connection that the server has closed costs another try, three at most. Nothing has begun then.
        const tries = begins.findIndex((fate) => fate !== 'gone');
        const hasBegun = begins[tries] === 'well' && borrows > tries;
        expect(works).toBe(hasBegun ? 1 : 0);
        if (!hasBegun) {
          expect(outcome).toHaveProperty('error');
          expect(borrowed.every((each) => each.end === 'discarded')).toBe(true);
          return;
        }
        const last = borrowed.at(-1);
        const isCommitted = how === 'well' && commit === 'well';
        expect(times('COMMIT')).toBe(how === 'well' ? 1 : 0);
        const isLost = how === 'gone' || how === 'late';
        expect(times('ROLLBACK')).toBe(how === 'well' || isLost ? 0 : 1);
        const isClean = end === 'well' && (isCommitted || (how === 'rolls back' && rollback === 'well'));
        expect(last?.end).toBe(isClean ? 'given back' : 'discarded');
        // What ends the session well is no part of the transaction.
        if (isCommitted) expect(outcome).toEqual({ result: 'done' });
        else if (how === 'rolls back') expect(outcome).toEqual({ result: 'left' });
        else {
          const { error } = outcome as { error: unknown };
          const code = {
            well: 'store_commit_unknown',
            busy: 'store_busy',
            gone: 'store_unreachable',
            late: 'store_unreachable',
            mistake: null,
          }[how];
          if (code === null) expect(error).toBeInstanceOf(TypeError);
          else expect(error).toMatchObject({ name: 'TributaryError', code });
        }
      }),
      300,
    );
  });
});

describe('a connection', () => {
  it('works for one borrower at a time, and again only after it went well', async () => {
    await holdsInTime(
      fc.asyncProperty(works, fc.boolean(), async (how, canBorrow) => {
        const pool = new Pool(
          () => 'well',
          () => canBorrow,
        );
        const outcome = await outcomeOf(withConnection(pool.port, () => work(how)));
        if (!canBorrow) {
          expect((outcome as { error: unknown }).error).toBeInstanceOf(TributaryError);
          return;
        }
        expect(pool.borrowed.map(({ end }) => end)).toEqual([how === 'well' ? 'given back' : 'discarded']);
        expect(outcome).toHaveProperty(how === 'well' ? 'result' : 'error');
      }),
      40,
    );
  });
});
