import type { FastifyInstance, InjectOptions } from 'fastify';
import { OpenApiDocument } from './openapi-document.ts';

/** Servers with the same document share one, so that each schema is compiled once. */
const documents = new Map<string, OpenApiDocument>();

type Answer = Awaited<ReturnType<FastifyInstance['inject']>>;

/**
 * Sends requests to the server as `inject` does, and holds every answer against the OpenAPI document of the same server: its
 * status, its media type, and its body by the schema. Rejects for an answer that the document does not have.
 */
export function heldInject(app: FastifyInstance): (options: InjectOptions) => Promise<Answer> {
  let reading: Promise<OpenApiDocument> | undefined;
  return async (options) => {
    const answer = await app.inject(options);
    reading ??= documentOf(app);
    const document = await reading;
    const [type = ''] = String(answer.headers['content-type'] ?? '').split(';', 1);
    const body: unknown = /\bjson$/.test(type) ? JSON.parse(answer.body) : answer.body;
    document.requireFit(String(options.method ?? 'GET'), String(options.url), {
      status: answer.statusCode,
      type,
      body,
    });
    return answer;
  };
}

async function documentOf(app: FastifyInstance): Promise<OpenApiDocument> {
  const { body } = await app.inject('/openapi.json');
  const known = documents.get(body) ?? new OpenApiDocument(JSON.parse(body));
  documents.set(body, known);
  return known;
}
