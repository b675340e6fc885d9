import { expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { jobHandlersOf } from '../../../src/apps/order-sync/job-handlers.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { JobClaim } from '../../../src/ports/jobs.ts';

const JOB = { jobId: 'job-1', progress: { redriven: 3 } };
const CLAIM = { claimant: 'one', leaseMs: 1_000 } as unknown as JobClaim;

function handlers(
  env: Record<string, string>,
  store: object,
  onRedriven: (count: number) => void = () => {},
) {
  const clock = new SeededClock({ seed: 1 });
  const { values } = loadSettings('order-sync', { env });
  const made = jobHandlersOf(values, {
    store: store as never,
    log: {} as never,
    clock,
    logger: () => {},
    onRedriven,
  });
  return { clock, made };
}

it('works on jobs of each kind', () => {
  const kinds = handlers({}, {}).made.map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(['quarantine_redrive', 'rebuild', 'redrive', 'verify']);
});

it('redrives no faster than the setting says, and tells how many', async () => {
  const asked: unknown[] = [];
  const told: number[] = [];
  const store = {
    stepRedrive: async (step: object) => {
      asked.push(step);
      return { ...JOB, state: 'open', progress: { redriven: 8 } };
    },
  };
  const { clock, made } = handlers({ ORDER_SYNC_REDRIVE_RATE: '5' }, store, (count) => told.push(count));
  const redrive = made.find(({ kind }) => kind === 'redrive');
  let isOver = false;
  const step = redrive?.step(JOB as never, CLAIM, new AbortController().signal).then(() => {
    isOver = true;
  });
  await clock.advance(900);
  expect({ isOver, told }).toEqual({ isOver: false, told: [5] });
  await clock.advance(200);
  await step;
  expect(asked).toMatchObject([{ jobId: 'job-1', limit: 5 }]);
});
