import { describe, expect, it } from 'vitest';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { readMetrics, seriesValue } from '../../../helpers/metrics-text.ts';
import { newState, TestOrderMgt } from '../fixture.ts';

async function scrape(target: TestOrderMgt, headers: Record<string, string> = {}) {
  const answer = await fetch(`${target.url}/metrics`, { headers });
  return { answer, ...readMetrics(await answer.text()) };
}

describe('/metrics of order-mgt', () => {
  it('answers in the text format of Prometheus', async () => {
    const target = await new TestOrderMgt().start();
    const { answer } = await scrape(target);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('counts deliveries by their effects, and refusals by their codes', async () => {
    const target = await new TestOrderMgt().start();
    const id = (name: string) => ({ 'webhook-id': `msg_${name}` });
    await target.post(newState(), id('a'));
    await target.post(newState(), id('a'));
    await target.post(newState({ version: 1 }), id('b'));
    await target.post(newState({ version: 9 }), id('a'));
    await target.post({ order_id: 7 }, id('c'));
    await target.postDeliveryBatch({ deliveries: [{ id: 'msg_d', state: { order_id: 7 } }] });
    const { series } = await scrape(target);
    const effect = (name: string) => seriesValue(series, 'tributary_states_received_total', { effect: name });
    expect(['applied', 'duplicate', 'ignored', 'payload_differs'].map(effect)).toEqual([1, 1, 1, 1]);
    expect(seriesValue(series, 'tributary_problems_total', { code: 'body_invalid' })).toBe(2);
    expect(seriesValue(series, 'tributary_problems_total', { code: 'payload_differs' })).toBe(1);
    expect(seriesValue(series, 'tributary_state_commit_duration_seconds_count')).toBe(4);
    expect(seriesValue(series, 'tributary_state_commit_duration_seconds_bucket', { le: '+Inf' })).toBe(4);
  });

  it('counts a transaction once, however many deliveries it has', async () => {
    const target = await new TestOrderMgt().start();
    const deliveries = ['a', 'b', 'c'].map((id) => ({ id: `msg_${id}`, state: newState({ order_id: id }) }));
    await target.postDeliveryBatch({ deliveries });
    const { series } = await scrape(target);
    expect(seriesValue(series, 'tributary_states_received_total', { effect: 'applied' })).toBe(3);
    expect(seriesValue(series, 'tributary_state_commit_duration_seconds_count')).toBe(1);
  });

  it('counts the readers that wait at present', async () => {
    const target = await new TestOrderMgt().start();
    const waiting = target.order('later', '?wait=5');
    await expect
      .poll(async () => seriesValue((await scrape(target)).series, 'tributary_waiting_readers'))
      .toBe(1);
    await target.post(newState({ order_id: 'later' }));
    expect((await waiting).status).toBe(200);
    expect(seriesValue((await scrape(target)).series, 'tributary_waiting_readers')).toBe(0);
  });

  it('shows the version of the program and of Node, and the metrics of the process', async () => {
    const target = await new TestOrderMgt().start();
    const { series, families } = await scrape(target);
    expect(seriesValue(series, 'tributary_build_info', { node: process.version })).toBe(1);
    expect(families.get('process_cpu_seconds_total')?.type).toBe('counter');
    expect(families.get('nodejs_eventloop_lag_p99_seconds')?.type).toBe('gauge');
    // A second scrape does not register the metrics of the process again.
    expect((await scrape(target)).answer.status).toBe(200);
  });

  it('needs a key with the scope read where the server has keys', async () => {
    const reader = makeApiKey('prometheus', ['read']);
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry });
    const refused = await fetch(`${target.url}/metrics`);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'api_key_missing' });
    expect((await scrape(target, { authorization: `Bearer ${reader.key}` })).answer.status).toBe(200);
  });
});

describe('the trace of a request to order-mgt', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';

  it.each([
    ['valid', `00-${traceId}-b7ad6b7169203331-01`, traceId],
    ['of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined],
    ['malformed', `00-${traceId}-b7ad6b71692033`, undefined],
    ['of a later version', `01-${traceId}-b7ad6b7169203331-01-more`, traceId],
  ])('a problem names the trace id of a traceparent that is %s', async (_, traceparent, expected) => {
    const target = await new TestOrderMgt().start();
    const { body } = await target.get('/api/orders/unknown', { traceparent });
    expect(body.traceId).toBe(expected);
  });
});
