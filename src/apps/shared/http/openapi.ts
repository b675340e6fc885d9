import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };

export interface OpenApiInfo {
  readonly title: string;
  readonly description: string;
  readonly version: string;
}

/** What a route says about itself for the document. fastify ignores it. */
declare module 'fastify' {
  interface FastifySchema {
    /** Whether the document leaves the route out. */
    hide?: boolean;
    operationId?: string;
    summary?: string;
    description?: string;
  }
}

/** How callers prove who they are. */
export interface ApiSecurity {
  /** OpenAPI's Security Scheme Objects, by name. */
  readonly schemes: Readonly<Record<string, object>>;
  /** OpenAPI's Security Requirement Objects of a route. One of them is enough. An empty list means that it needs nothing. */
  readonly requirementsOf: (method: string, path: string) => readonly object[];
}

/** How the document writes the paths and the sentences of the routes. */
export interface ApiWords {
  path(path: string): string;
  text(text: string): string;
}

const AS_WRITTEN: ApiWords = { path: (path) => path, text: (text) => text };

type Schema = Readonly<Record<string, unknown>>;

/** fastify's `/jobs/:id(^[^:]+)::cancel` as OpenAPI's `/jobs/{id}:cancel`. */
function documentedPath(url: string): string {
  return url.replace(/::|:(\w+)(\([^)]*\))?/g, (_, name?: string) =>
    name === undefined ? ':' : `{${name}}`,
  );
}

const PROBLEM_SCHEMA = {
  description: 'Some codes have further members.',
  type: 'object',
  additionalProperties: true,
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string', description: 'The code for programs. It never changes its meaning.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'A JSON Pointer into the body.' },
          detail: { type: 'string' },
        },
      },
    },
    traceId: { type: 'string' },
  },
} as const;

/**
 * Adds `/openapi.json`, which describes every route that is added afterwards and does not hide. The document is made of the schemas by which
 * the routes themselves judge requests and write answers, so the two cannot differ. Every error has the form of a problem
 * document. Sources: OpenAPI 3.1.1; RFC 9457.
 */
export function serveOpenApi(
  app: FastifyInstance,
  info: OpenApiInfo,
  security: ApiSecurity,
  words: ApiWords = AS_WRITTEN,
): void {
  const paths: Record<string, Record<string, object>> = {};
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide === true) return;
    for (const method of [route.method].flat()) {
      if (method === 'HEAD') continue;
      const path = words.path(documentedPath(route.url));
      const operation = {
        ...operationOf(route, path, words),
        security: security.requirementsOf(method, route.url),
      };
      paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
    }
  });
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'describe',
        summary: 'This document.',
        response: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: {} } } } },
      },
    },
    (_request, reply) => {
      void reply
        .type('application/json')
        .serializer(JSON.stringify)
        .send({
          openapi: '3.1.1',
          info: { ...info, license: { name: packageJson.license, identifier: packageJson.license } },
          // The server that has answered this document.
          servers: [{ url: '/' }],
          paths,
          components: {
            schemas: { Problem: PROBLEM_SCHEMA },
            responses: {
              Refused: problemResponse(
                'The caller has made a mistake, or may not do this. The member code says why.',
              ),
              Failed: problemResponse('The server could not do this now. The member code says why.'),
            },
            securitySchemes: security.schemes,
          },
        });
    },
  );
}

function problemResponse(description: string): object {
  const schema = { $ref: '#/components/schemas/Problem' };
  return { description, content: { 'application/problem+json': { schema } } };
}

function operationOf(route: RouteOptions, path: string, { text }: ApiWords): object {
  const schema: FastifySchema = route.schema ?? {};
  const { operationId, summary, description } = schema;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const parameters = [
    ...inPath,
    ...parametersOf('query', schema.querystring),
    ...parametersOf('header', schema.headers),
  ];
  return {
    operationId,
    summary: summary === undefined ? undefined : text(summary),
    description: description === undefined ? undefined : text(description),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(schema.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schema.body } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries((schema.response ?? {}) as Record<string, Schema>).map(([status, response]) => [
          status,
          responseOf(response),
        ]),
      ),
      '4XX': { $ref: '#/components/responses/Refused' },
      default: { $ref: '#/components/responses/Failed' },
    },
  };
}

function parametersOf(place: 'query' | 'header', given: unknown): object[] {
  const { properties = {}, required = [] } = (given ?? {}) as {
    properties?: Record<string, Schema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    description,
    schema,
  }));
}

function responseOf({ description, headers, ...schema }: Schema): object {
  const content = 'content' in schema ? schema.content : { 'application/json': { schema } };
  return { description, ...(headers === undefined ? {} : { headers }), content };
}
