import { describe, expect, it } from 'vitest';
import { ATTENTION_KINDS } from '../../../../src/pipeline/status/attention.ts';
import { reportOf } from '../../../../src/pipeline/status/report.ts';
import { QUIET, shared } from '../../../pipeline/status/fake-parts.ts';
import { testServer } from './test-server.ts';

describe('GET /api/v1/status', () => {
  it('answers what needs a person and what the instance knows of its view, in kinds that the document names', async () => {
    const view = {
      table: 'orders',
      mode: 'awaiting',
      foldVersion: { ofProgram: 2, ofRows: 1 },
      phase: 'steady',
      rebuild: null,
    } as const;
    const verification = { ...QUIET.verification, differences: { ledger_wrong: 1 } };
    const instance = { ...QUIET, view, verification };
    const { ask } = await testServer(['a'], { report: async () => reportOf(shared(), instance) });
    const { body } = await ask('/api/v1/status');
    expect(body).toMatchObject({
      verdict: 'needs_attention',
      attention: [{ kind: 'rebuild_awaited' }, { kind: 'journal_differs' }],
      instance: { view, verification: { differences: { ledger_wrong: 1 } } },
    });
    const document = JSON.stringify((await ask('/openapi.json')).body);
    expect(document).toContain(JSON.stringify(ATTENTION_KINDS));
  });
});
