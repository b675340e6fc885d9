import { describe, expect, it } from 'vitest';
import { TestOrderMgt } from '../fixture.ts';
import { OpenApiDocument } from './openapi-document.ts';

describe('/openapi.json', () => {
  it('describes each route, with schemas that are valid JSON Schema 2020-12', async () => {
    const target = await new TestOrderMgt().start();
    const answer = await target.get('/openapi.json');
    const document = new OpenApiDocument(answer.body);
    expect(document.body.openapi).toMatch(/^3\.1\./);
    expect(document.body.info).toMatchObject({ title: 'order-mgt', version: expect.stringMatching(/^\d/) });
    const operations = Object.entries(document.body.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
    );
    expect(operations.map(({ name }) => name).sort()).toEqual([
      'get /api/orders',
      'get /api/orders/digest',
      'get /api/orders/stream',
      'get /api/orders/{orderId}',
      'get /livez',
      'get /openapi.json',
      'get /readyz',
      'post /api/orders',
      'post /api/orders/batch',
    ]);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { name, path, operation } of operations) {
      expect(operation.summary, name).toMatch(/\.$/);
      expect(Object.keys(operation.responses).sort(), name).toEqual(['200', 'default']);
      for (const response of Object.values(operation.responses)) {
        expect(response.description, name).toMatch(/\S/);
        for (const { schema } of Object.values(response.content)) document.compile(schema);
      }
      for (const { schema } of Object.values(operation.requestBody?.content ?? {})) document.compile(schema);
      for (const { schema } of operation.parameters ?? []) document.compile(schema);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const named = (operation.parameters ?? [])
        .filter((each) => each.in === 'path')
        .map((each) => each.name);
      expect(named, name).toEqual(inPath);
    }
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
