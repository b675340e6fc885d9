import { describe, expect, it } from 'vitest';
import { OpenApiDocument, requireDescribed } from '../../shared/http/openapi-document.ts';
import { complaintsAbout } from '../../shared/http/openapi-lint.ts';
import { TestOrderMgt } from '../fixture.ts';

describe('/openapi.json', () => {
  it('describes each route, with schemas that are valid JSON Schema 2020-12', async () => {
    const target = await new TestOrderMgt().start();
    const answer = await target.get('/openapi.json');
    const document = new OpenApiDocument(answer.body);
    expect(document.body.openapi).toMatch(/^3\.1\./);
    expect(document.body.info).toMatchObject({ title: 'order-mgt', version: expect.stringMatching(/^\d/) });
    expect(document.operations.map(({ name }) => name).sort()).toEqual([
      'get /api/orders',
      'get /api/orders/digest',
      'get /api/orders/stream',
      'get /api/orders/{orderId}',
      'get /livez',
      'get /metrics',
      'get /openapi.json',
      'get /readyz',
      'post /api/orders',
      'post /api/orders/batch',
    ]);
    requireDescribed(document);
  });

  it('shows no fault by the recommended rules of its linter', async () => {
    const target = await new TestOrderMgt().start();
    expect(await complaintsAbout((await target.get('/openapi.json')).body)).toEqual([]);
  });

  it('leaves the route of delivery batches out if none are taken', async () => {
    const target = await new TestOrderMgt().start({ deliveryBatchMax: 0 });
    expect(Object.keys((await target.get('/openapi.json')).body.paths)).not.toContain('/api/orders/batch');
  });

  it('judges the answers of all tests here, so that a wrong answer is seen', async () => {
    const target = await new TestOrderMgt().start();
    const document = new OpenApiDocument((await target.get('/openapi.json')).body);
    const good = {
      status: 200,
      type: 'application/json',
      body: { data: [], page: { next: null, hasMore: false } },
    };
    document.requireFit('GET', '/api/orders?limit=1', good);
    expect(() => document.requireFit('GET', '/api/orders', { ...good, body: { data: [] } })).toThrow('page');
    expect(() => document.requireFit('GET', '/api/orders', { ...good, type: 'text/html' })).toThrow(
      'not have this',
    );
    expect(() => document.requireFit('GET', '/api/orders', { ...good, status: 500 })).toThrow(
      'not have this',
    );
  });
});
