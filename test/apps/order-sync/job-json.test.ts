import { describe, expect, it } from 'vitest';
import { filterOf } from '../../../src/apps/order-sync/delivery-filter.ts';
import { auditJson, jobJson, jobLine } from '../../../src/apps/order-sync/job-json.ts';
import type { Job } from '../../../src/ports/jobs.ts';

function job(more: Partial<Job> = {}): Job {
  return {
    jobId: 'j1',
    kind: 'verify',
    state: 'running',
    parameters: { sample: 10 },
    isDryRun: false,
    progress: {},
    place: { after: 'secret' },
    requestedBy: 'ana',
    reason: 'a test',
    createdAtMs: 0,
    updatedAtMs: 1_000,
    finishedAtMs: null,
    ...more,
  };
}

describe('a job as JSON', () => {
  it('shows its parameters and moments, and not the place at which it goes on', () => {
    expect(jobJson(job())).toEqual({
      id: 'j1',
      kind: 'verify',
      state: 'running',
      dryRun: false,
      parameters: { sample: 10 },
      progress: {},
      requestedBy: 'ana',
      reason: 'a test',
      createdAt: '1970-01-01T00:00:00.000Z',
      updatedAt: '1970-01-01T00:00:01.000Z',
      finishedAt: null,
    });
  });

  it.each(['quarantine_redrive', 'verify', 'rebuild'] as const)('shows the parameters of a %s', (kind) => {
    expect(jobJson(job({ kind }))).toMatchObject({ kind, parameters: { sample: 10 } });
  });

  it('shows filter and counts of a redrive of dead deliveries', () => {
    const parameters = { filter: filterOf({ status: 'dead', lastStatus: '422' }) };
    const redrive = job({ kind: 'redrive', parameters, progress: { matched: 3, redriven: 2 } });
    expect(jobJson(redrive)).toMatchObject({
      filter: { status: 'dead', lastStatus: 422 },
      matched: 3,
      redriven: 2,
    });
    expect(jobJson(redrive)).not.toHaveProperty('parameters');
    expect(jobJson(job({ kind: 'redrive', parameters: null }))).toMatchObject({
      filter: null,
      matched: 0,
      redriven: 0,
    });
  });
});

describe('the line of a job', () => {
  it.each<[Partial<Job>, string]>([
    [{}, 'j1  verify  running  not begun  by "ana"'],
    [{ isDryRun: true }, 'j1  verify  running  dry run  by "ana"'],
    [
      { progress: { refusedAgain: 2, phase: 'folding', pauseMs: null } },
      'j1  verify  running  refused again 2  phase folding  pause ms null  by "ana"',
    ],
  ])('tells the facts of %j', (facts, line) => {
    expect(jobLine(job(facts))).toBe(line);
  });
});

describe('a decision as JSON', () => {
  it('shows its id as a text, and its moment', () => {
    const entry = {
      auditId: 12_345_678_901_234_567_890n,
      action: 'held',
      subject: 'target crm',
      details: { a: 1 },
      decidedBy: 'ana',
      reason: 'a test',
      decidedAtMs: 0,
    } as Parameters<typeof auditJson>[0];
    expect(auditJson(entry)).toEqual({
      id: '12345678901234567890',
      action: 'held',
      subject: 'target crm',
      details: { a: 1 },
      decidedBy: 'ana',
      reason: 'a test',
      decidedAt: '1970-01-01T00:00:00.000Z',
    });
  });
});
