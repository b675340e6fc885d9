import { type FastifySchema, fastify } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveOpenApi } from '../../../../src/apps/shared/http/openapi.ts';
import { heldInject } from './held-answers.ts';

const COUNT_SCHEMA = {
  description: 'A count.',
  type: 'object',
  required: ['count'],
  properties: { count: { type: 'integer' }, more: { type: 'object', additionalProperties: true } },
};

/** A server whose route `/count` answers this text. */
function serverThatAnswers(status: number, type: string, text: string) {
  const app = fastify();
  onTestFinished(() => app.close());
  const info = { title: 'test', description: 'A test.', version: '1' };
  serveOpenApi(app, info, { schemes: {}, requirementsOf: () => [] });
  const schema: FastifySchema = { operationId: 'count', summary: 'Counts.', response: { 200: COUNT_SCHEMA } };
  app.get('/count', { schema }, (_request, reply) => {
    void reply
      .code(status)
      .type(type)
      .serializer((body: string) => body)
      .send(text);
  });
  return heldInject(app);
}

describe('answers that are held against the OpenAPI document', () => {
  it('pass if the document has their status, their media type and their body', async () => {
    for (const text of ['{"count":1}', '{"count":1,"more":{"any":true}}']) {
      const inject = serverThatAnswers(200, 'application/json', text);
      expect((await inject({ url: '/count?x=1' })).body).toBe(text);
    }
  });

  it.each([
    [200, 'application/json', '{"count":"one"}', /must be integer/],
    [200, 'application/json', '{}', /required property 'count'/],
    [200, 'application/json', '{"count":1,"extra":2}', /additional properties/],
    [200, 'text/html', '<p>1</p>', /does not have this/],
    [201, 'application/json', '{"count":1}', /does not have this/],
    [404, 'application/json', '{"count":1}', /does not have this/],
    [404, 'application/problem+json', '{"detail":"none"}', /required property/],
  ])('fail as %i %s with %s', async (status, type, text, fault) => {
    const inject = serverThatAnswers(status, type, text);
    await expect(inject({ url: '/count' })).rejects.toThrow(fault);
  });
});
