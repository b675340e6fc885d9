import { describe, expect, it, onTestFinished } from 'vitest';
import { adviceOnFault } from '../../../src/adapters/http-delivery/advice.ts';
import { openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';

const NAMES = { url: 'CRM_URL', secret: 'CRM_SECRET', caFile: 'CRM_CA_FILE' };

describe('the advice after a request without an answer', () => {
  it.each([
    ['ECONNREFUSED', 'Look at CRM_URL.'],
    ['ENOTFOUND', 'Look at CRM_URL.'],
    ['HPE_INVALID_CONSTANT', 'Look at CRM_URL.'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'Look at CRM_URL.'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'Look at CRM_CA_FILE.'],
    ['ECONNRESET', null],
  ])('after %s names the setting that is a likely cause, if there is one', (code, advice) => {
    expect(adviceOnFault(code, NAMES)).toBe(advice);
  });

  it('the advice is part of the outcome', async () => {
    const target = openHttpTarget({
      name: 'crm',
      url: 'http://127.0.0.1:1/states',
      secrets: [],
      settingNames: NAMES,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      logger: () => {},
    });
    onTestFinished(() => target.close());
    const outcome = await singly(target).deliver(newDelivery(), new AbortController().signal);
    expect(outcome).toMatchObject({ verdict: 'retry', status: null, advice: 'Look at CRM_URL.' });
  });
});
