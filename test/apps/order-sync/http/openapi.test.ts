import { describe, expect, it } from 'vitest';
import { OpenApiDocument, requireDescribed } from '../../shared/http/openapi-document.ts';
import { testServer } from './test-server.ts';

describe('/openapi.json of order-sync', () => {
  it('describes each route, with schemas that are valid JSON Schema 2020-12', async () => {
    const { ask } = await testServer(['a']);
    const document = new OpenApiDocument((await ask('/openapi.json')).body);
    expect(document.body.info).toMatchObject({ title: 'order-sync', version: expect.stringMatching(/^\d/) });
    expect(document.operations.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'get /livez',
        'get /metrics',
        'get /readyz',
        'get /openapi.json',
        'get /api/v1/status',
        'get /api/v1/pipeline',
        'get /api/v1/deliveries',
        'get /api/v1/deliveries/{target}/{entityId}',
        'get /api/v1/dead-letters',
        'post /api/v1/dead-letters:redrive',
        'get /api/v1/jobs',
        'get /api/v1/jobs/{id}',
      ]),
    );
    requireDescribed(document);
  });

  it('says which scope each route asks a key for', async () => {
    const { ask } = await testServer(['a'], { access: [] });
    const { paths } = new OpenApiDocument((await ask('/openapi.json')).body).body;
    expect(paths['/livez']?.get?.security).toEqual([]);
    expect(paths['/api/v1/pipeline']?.get?.security).toEqual([{ apiKey: ['read'] }]);
    expect(paths['/api/v1/dead-letters:redrive']?.post?.security).toEqual([{ apiKey: ['operate'] }]);
  });

  it('judges the answers of all tests here, so that a wrong answer is seen', async () => {
    const { ask } = await testServer(['a']);
    const document = new OpenApiDocument((await ask('/openapi.json')).body);
    const good = { status: 200, type: 'application/json', body: (await ask('/api/v1/jobs')).body };
    document.requireFit('GET', '/api/v1/jobs?limit=1', good);
    expect(() => document.requireFit('GET', '/api/v1/jobs', { ...good, body: { data: [{}] } })).toThrow(
      'page',
    );
    expect(() => document.requireFit('GET', '/api/v1/jobs', { ...good, status: 500 })).toThrow(
      'not have this',
    );
  });
});
