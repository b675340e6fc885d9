import type { InjectOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { wrap } from '../../../pipeline/ingest/harness.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { orderRecord, quarantineOf } from '../quarantine-place.ts';
import { UNUSED_PARTS } from './parts.ts';

async function server(count: number, facts: Partial<Store> = {}) {
  const records = Array.from({ length: count }, (_, index) =>
    index % 2 === 0
      ? orderRecord(`order${index}`, index, { key: null })
      : orderRecord('x', index, { value: Buffer.from([0xff, 0x7b]) }),
  );
  const place = await quarantineOf(records);
  let jobs = 0;
  const app = buildServer({
    ...UNUSED_PARTS,
    store: wrap(place.store, facts),
    onJob: () => void jobs++,
  });
  onTestFinished(() => app.close());
  const inject = heldInject(app);
  return {
    ...place,
    jobs: () => jobs,
    async ask(url: string, payload?: object) {
      const options: InjectOptions = payload === undefined ? { url } : { url, method: 'POST', payload };
      const { statusCode, headers, body } = await inject(options);
      return { status: statusCode, headers, body: JSON.parse(body) };
    },
  };
}

const LIST = '/api/v1/quarantine';

describe('the API of the quarantine', () => {
  it('lists the open records page by page without their content, and filters them', async () => {
    const { ask } = await server(5);
    const seen: string[] = [];
    for (let url = `${LIST}?limit=2`; ; ) {
      const { status, body } = await ask(url);
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain('order0');
      seen.push(...body.data.map(({ offset }: { offset: string }) => offset));
      if (!body.page.hasMore) break;
      url = `${LIST}?limit=2&after=${body.page.next}`;
    }
    expect(seen).toEqual(['0', '1', '2', '3', '4']);
    const offsets = async (query: string) =>
      (await ask(`${LIST}?${query}`)).body.data.map(({ offset }: { offset: string }) => offset);
    expect(await offsets('reason=key_missing')).toEqual(['0', '2', '4']);
    expect(await offsets('topic=order_events&partition=0&fromOffset=1&beforeOffset=3')).toEqual(['1', '2']);
    expect(await offsets('since=2026-01-02T00:00:00Z')).toEqual([]);
    expect(await offsets('state=settled')).toEqual([]);
  });

  it.each(['reason=jsn_invalid', 'reson=x', 'partition=x', 'since=today', 'state=closed', 'after=x'])(
    'refuses the query %s',
    async (query) => {
      const { ask } = await server(1);
      expect((await ask(`${LIST}?${query}`)).status).toBe(400);
    },
  );

  it('shows a record with its bytes and the verdict of today', async () => {
    const { ask } = await server(2);
    const { body } = await ask(`${LIST}/order_events/0/0`);
    expect(body.data).toMatchObject([
      {
        offset: '0',
        key: null,
        value: { text: expect.stringContaining('order0') },
        headers: [{ name: 'ce_id', value: { text: 'e-0' } }],
        today: { passes: false, reason: 'key_missing' },
        settled: null,
        isWhole: true,
      },
    ]);
    const other = await ask(`${LIST}/order_events/0/1`);
    expect(other.body.data[0].value).toEqual({ base64: '/3s=', text: null });
    expect((await ask(`${LIST}/order_events/0/7`)).body.code).toBe('record_unknown');
    expect((await ask(`${LIST}/order_events/0/x`)).status).toBe(404);
  });

  it('takes a redrive and answers where its job can be read and cancelled', async () => {
    const { ask, jobs } = await server(2);
    const { status, headers, body } = await ask(`${LIST}:redrive`, {
      filter: { reason: 'key_missing', partition: 0 },
      dryRun: true,
      reason: 'corrected',
    });
    expect(status).toBe(202);
    expect(headers.location).toBe(`/api/v1/jobs/${body.id}`);
    expect(body).toMatchObject({
      kind: 'quarantine_redrive',
      state: 'waiting',
      dryRun: true,
      parameters: { filters: [{ reason: 'key_missing', partition: 0 }] },
      requestedBy: 'HTTP API, from 127.0.0.1',
      reason: 'corrected',
    });
    expect(jobs()).toBe(1);
    expect((await ask(String(headers.location))).body).toEqual(body);
    expect((await ask(`${headers.location}:cancel`, {})).status).toBe(400);
    const cancelled = await ask(`${headers.location}:cancel`, { reason: 'not yet' });
    expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelled']);
    expect((await ask('/api/v1/jobs/none:cancel', { reason: 'x' })).body.code).toBe('job_unknown');
    const { data } = (await ask('/api/v1/audit?limit=1')).body;
    expect(data).toMatchObject([{ action: 'job_cancelled', subject: body.id, reason: 'not yet' }]);
  });

  it('discards records by name or by filter, each once', async () => {
    const { ask, store } = await server(4);
    const named = { records: ['order_events/0/0', 'order_events/0/3'], reason: 'a test' };
    expect((await ask(`${LIST}:discard`, named)).body).toEqual({ discarded: 2, hasMore: false });
    expect((await ask(`${LIST}:discard`, { ...named, records: named.records })).body.discarded).toBe(0);
    const rest = await ask(`${LIST}:discard`, { filter: { topic: 'order_events' }, reason: 'a test' });
    expect(rest.body.discarded).toBe(2);
    expect(await store.counts()).toMatchObject({ quarantined: 0 });
    const { body } = await ask(`${LIST}?state=settled&limit=1`);
    expect(body.data[0].settled).toMatchObject({ as: 'discarded', reason: 'a test' });
    const second = (await ask(`${LIST}?state=settled&limit=1&after=${body.page.next}`)).body;
    expect(second.data.map(({ offset }: { offset: string }) => offset)).toEqual(['1']);
  });

  it('discards 10,000 records in one request at most, over all filters, and says whether others are left', async () => {
    let open = 12_500;
    const { ask } = await server(1, {
      async discardQuarantined({ limit }) {
        const discarded = Math.min(limit, open);
        open -= discarded;
        return discarded;
      },
    });
    const records = ['order_events/0/0', 'order_events/0/1'];
    const request = () => ask(`${LIST}:discard`, { records, reason: 'a test' });
    expect((await request()).body).toEqual({ discarded: 10_000, hasMore: true });
    expect(open).toBe(2_500);
    expect((await request()).body).toEqual({ discarded: 2_500, hasMore: false });
  });

  it.each([
    ['redrive', {}, 'filter_invalid'],
    ['redrive', { filter: {}, records: ['order_events/0/1'] }, 'filter_invalid'],
    ['redrive', { records: ['order_events/0'] }, 'filter_invalid'],
    ['redrive', { filter: { reson: 'x' } }, 'filter_invalid'],
    ['redrive', { filter: {}, dryrun: true }, 'body_invalid'],
    ['discard', { filter: {} }, 'body_invalid'],
  ])('refuses %s of %j and changes nothing', async (verb, payload, code) => {
    const { ask, store } = await server(1);
    const { status, body } = await ask(`${LIST}:${verb}`, payload);
    expect({ status, code: body.code }).toEqual({ status: 400, code });
    expect(await store.listAudit({ after: null, limit: 1 })).toEqual([]);
    expect(await store.counts()).toMatchObject({ quarantined: 1 });
  });

  it('pages the audit log', async () => {
    const { ask } = await server(1);
    for (let count = 0; count < 3; count++) await ask(`${LIST}:redrive`, { filter: {} });
    const first = await ask('/api/v1/audit?limit=2');
    expect(first.body.data).toHaveLength(2);
    const second = await ask(`/api/v1/audit?limit=2&after=${first.body.page.next}`);
    const ofOtherList = Buffer.from(JSON.stringify(['order_events', '1'])).toString('base64url');
    expect((await ask(`/api/v1/audit?after=${ofOtherList}`)).body.code).toBe('after_invalid');
    expect(second.body.data).toHaveLength(1);
    expect(second.body.page).toEqual({ next: null, hasMore: false });
  });
});
