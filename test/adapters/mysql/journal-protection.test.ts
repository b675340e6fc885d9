import { describe, expect, it } from 'vitest';
import { protectJournal, warnOfUnprotected } from '../../../src/adapters/mysql/journal-protection.ts';
import { type Reply, scriptedConnection, serverError } from './scripted-connection.ts';

const TRIGGERS = ['journal_segments_no_update', 'journal_segments_no_delete'];

/** What is made, and what is logged, by a server that shows these triggers and answers CREATE TRIGGER so. */
async function protect(shown: readonly string[], answer: () => Reply) {
  const logged: string[] = [];
  const { connection, asked } = scriptedConnection((sql) =>
    sql.startsWith('SHOW') ? shown.map((name) => [name]) : answer(),
  );
  await protectJournal(connection, (_, message) => logged.push(message));
  return { logged, made: asked.filter(({ sql }) => sql.startsWith('CREATE')).length };
}

describe('the protection of the journal', () => {
  it('makes the triggers that are not there', async () => {
    expect(await protect([], () => [])).toEqual({ logged: [], made: 2 });
    expect(await protect(TRIGGERS.slice(0, 1), () => [])).toEqual({ logged: [], made: 1 });
    expect(await protect(TRIGGERS, () => [])).toEqual({ logged: [], made: 0 });
  });

  it.each([
    ['by its number', serverError(1_359)],
    ['by its words', Object.assign(new Error('Trigger already exists'), { errno: 1_997 })],
  ])('takes a trigger as made that a proxy hides and the server has, %s', async (_, error) => {
    expect(await protect([], () => error)).toEqual({ logged: [], made: 2 });
  });

  it('warns if the server lets the user make none', async () => {
    const denied = Object.assign(new Error('TRIGGER command denied to user'), { errno: 1_142 });
    const { logged, made } = await protect([], () => denied);
    expect(logged).toEqual([expect.stringContaining('lets us make no triggers')]);
    expect(made).toBe(1);
  });

  it('warns a user who may change the journal and sees no trigger', async () => {
    const warnings = async (shown: readonly string[], explained: Reply): Promise<number> => {
      let warned = 0;
      const { connection } = scriptedConnection((sql) =>
        sql.startsWith('SHOW') ? shown.map((name) => [name]) : explained,
      );
      await warnOfUnprotected(connection, () => warned++);
      return warned;
    };
    expect(await warnings([], [])).toBe(1);
    expect(await warnings(TRIGGERS, [])).toBe(0);
    expect(await warnings([], serverError(1_142))).toBe(0);
  });
});
