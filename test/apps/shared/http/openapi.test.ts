import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { serveOpenApi } from '../../../../src/apps/shared/http/openapi.ts';

const INFO = { title: 'Things', description: 'All of them.', version: '1.2.3' };
const SECURITY = {
  schemes: { apiKey: { type: 'http' } },
  requirementsOf: (method: string, path: string) => [{ apiKey: [`${method} ${path}`] }],
};

async function document(words?: Parameters<typeof serveOpenApi>[3]) {
  const app = fastify();
  app.setValidatorCompiler(() => () => true);
  serveOpenApi(app, INFO, SECURITY, words);
  const properties = {
    after: { type: 'string', description: 'Where to begin.' },
    limit: { type: 'integer' },
  };
  app.get(
    '/things/:id',
    {
      schema: {
        operationId: 'readThing',
        summary: 'One thing.',
        querystring: { type: 'object', required: ['after'], properties },
        headers: { type: 'object', properties: { 'last-event-id': { type: 'string' } } },
        response: { 200: { description: 'It.', type: 'object' } },
      },
    },
    async () => ({}),
  );
  app.delete('/things/:id', async () => ({}));
  app.post('/things/:id(^[^:]+)::cancel', { schema: { body: { type: 'object' } } }, async () => ({}));
  app.get('/hidden', { schema: { hide: true, summary: 'Hidden.' } }, async () => ({}));
  const { headers, body } = await app.inject('/openapi.json');
  expect(headers['content-type']).toBe('application/json');
  return JSON.parse(body);
}

describe('the OpenAPI document', () => {
  it('describes each route and each method of a path, and leaves out those that hide', async () => {
    const { openapi, info, paths } = await document();
    expect(openapi).toBe('3.1.1');
    expect(info).toMatchObject(INFO);
    expect(Object.fromEntries(Object.keys(paths).map((path) => [path, Object.keys(paths[path])]))).toEqual({
      '/openapi.json': ['get'],
      '/things/{id}': ['get', 'delete'],
      '/things/{id}:cancel': ['post'],
    });
  });

  it('says which parameters a route takes, and which of them it needs', async () => {
    const { paths } = await document();
    const { parameters, requestBody, responses } = paths['/things/{id}'].get;
    expect(parameters).toEqual([
      { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
      {
        name: 'after',
        in: 'query',
        required: true,
        description: 'Where to begin.',
        schema: { type: 'string' },
      },
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer' } },
      { name: 'last-event-id', in: 'header', required: false, schema: { type: 'string' } },
    ]);
    expect(requestBody).toBeUndefined();
    expect(responses).toMatchObject({
      200: { description: 'It.', content: { 'application/json': { schema: { type: 'object' } } } },
      '4XX': { $ref: '#/components/responses/Refused' },
      default: { $ref: '#/components/responses/Failed' },
    });
    expect(paths['/things/{id}:cancel'].post.requestBody).toMatchObject({ required: true });
    expect(paths['/things/{id}'].delete.parameters).toHaveLength(1);
  });

  it('asks for the security of the route as it is written, and words paths and texts', async () => {
    const words = { path: (path: string) => `/v1${path}`, text: (text: string) => text.toUpperCase() };
    const { paths, components } = await document(words);
    const { security, summary } = paths['/v1/things/{id}'].get;
    expect(security).toEqual([{ apiKey: ['GET /things/:id'] }]);
    expect(summary).toBe('ONE THING.');
    expect(components.securitySchemes).toEqual({ apiKey: { type: 'http' } });
  });
});
