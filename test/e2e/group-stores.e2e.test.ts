import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Program, runProgram, testFolder, WAITING } from './programs.ts';

it('order-sync refuses to start on another database than its group, and take-group gives it the group', async () => {
  const folder = await testFolder();
  const common = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: '0',
    ORDER_SYNC_DELIVER: 'false',
  };
  const ours = { ...common, DATABASE_URL: `sqlite:${join(folder, 'ours.sqlite')}` };
  const theirs = { ...common, DATABASE_URL: `sqlite:${join(folder, 'theirs.sqlite')}` };
  const decide = ['take-group', '--reason', 'the old database is given up', '--by', 'ops'];

  const first = new Program('order-sync', ours);
  await expect.poll(() => first.stderr, WAITING).toContain('Working on');
  const stranger = new Program('order-sync', theirs);
  expect((await stranger.exited).code).toBe(3);
  expect(stranger.stderr).toMatch(
    /group order-sync journals into another database.*DATABASE_URL.*ORDER_SYNC_GROUP.*take-group/,
  );
  expect(stranger.stderr).not.toMatch(/^\s+at /m);
  expect(first.stderr).not.toMatch(/given back|taken over/);

  const tooEarly = new Program('order-sync', theirs, decide);
  expect((await tooEarly.exited).code).toBe(2);
  expect(tooEarly.stderr).toContain('has members');
  await first.stop();
  const told = JSON.parse(await runProgram('order-sync', theirs, [...decide, '--json'])) as Record<
    string,
    string
  >;
  expect(told).toMatchObject({ group: 'order-sync', decidedBy: 'ops' });
  expect(told.formerStore).toMatch(/^[0-9a-f-]{36}$/);
  expect(told.formerStore).not.toBe(told.store);

  const second = new Program('order-sync', theirs);
  await expect.poll(() => second.stderr, WAITING).toContain('Working on');
  await second.stop();
});
