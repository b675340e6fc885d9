import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { parseRfc3339 } from '../../../../src/core/time.ts';

interface Content {
  readonly [type: string]: { readonly schema: object };
}

interface Response {
  readonly description?: string;
  readonly content: Content;
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>;
}

export interface NamedOperation {
  /** The method and the path, as in `get /livez`. */
  readonly name: string;
  readonly path: string;
  readonly operation: Operation;
}

export interface OpenApiBody {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** An OpenAPI 3.1 document that judges answers. */
export class OpenApiDocument {
  readonly body: OpenApiBody;
  readonly #ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    formats: { 'date-time': (text: string) => parseRfc3339(text) !== null },
  });
  readonly #compiled = new Map<object, ValidateFunction>();
  /** The schemas of answers, without members that they do not name. */
  readonly #closed = new Map<object, object>();

  constructor(body: OpenApiBody) {
    this.body = body;
    for (const [name, schema] of Object.entries(body.components.schemas)) {
      this.#ajv.addSchema(schema, `#/components/schemas/${name}`);
    }
  }

  compile(schema: object): ValidateFunction {
    const known = this.#compiled.get(schema) ?? this.#ajv.compile(schema);
    this.#compiled.set(schema, known);
    return known;
  }

  /** A response of the document, or of its components. */
  response(given: Operation['responses'][string] | undefined): Response | undefined {
    if (given === undefined || !('$ref' in given)) return given;
    return this.body.components.responses[given.$ref.replace('#/components/responses/', '')];
  }

  get operations(): readonly NamedOperation[] {
    return Object.entries(this.body.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
    );
  }

  /**
   * Throws unless the document has the status and the media type of the answer, and the body fits the schema. The body has no
   * member that the schema does not name, unless the schema says that there may be others.
   */
  requireFit(
    method: string,
    path: string,
    answer: { readonly status: number; readonly type: string; readonly body: unknown },
  ): void {
    const responses = this.#operationOf(method, path)?.responses;
    const nothingThere: Content = { 'application/problem+json': { schema: this.#problem } };
    const named =
      responses?.[String(answer.status)] ??
      (answer.status >= 400 && answer.status < 500 ? responses?.['4XX'] : undefined) ??
      (answer.status >= 500 ? responses?.default : undefined);
    const content = responses === undefined ? nothingThere : (this.response(named)?.content ?? {});
    const schema = content[answer.type]?.schema;
    const place = `${method} ${path} answered ${answer.status} ${answer.type}`;
    if (schema === undefined) throw new Error(`${place}: the document does not have this.`);
    const strict = this.#closed.get(schema) ?? (closed(schema) as object);
    this.#closed.set(schema, strict);
    const validate = this.compile(strict);
    if (!validate(answer.body)) throw new Error(`${place}: ${this.#ajv.errorsText(validate.errors)}`);
  }

  get #problem(): object {
    return this.body.components.schemas.Problem ?? {};
  }

  /** The operation of a path, which is either written as in the document or fits one of its templates. */
  #operationOf(method: string, path: string): Operation | undefined {
    const [bare = ''] = path.split('?', 1);
    const { paths } = this.body;
    const wanted = method.toLowerCase();
    const exact = paths[bare]?.[wanted];
    if (exact !== undefined) return exact;
    const fitting = Object.keys(paths).filter((each) => paths[each]?.[wanted] && patternOf(each).test(bare));
    // Of `/jobs/{id}` and `/jobs/{id}:cancel`, the longer one says more.
    const [template = ''] = fitting.sort((left, right) => right.length - left.length);
    return paths[template]?.[wanted];
  }
}

/** The schema as it is where nothing is said about further members: without them. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isOpen = !('properties' in schema) || 'additionalProperties' in schema;
  return isOpen ? inner : { ...inner, additionalProperties: false };
}

function patternOf(template: string): RegExp {
  const parts = template.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
}

/**
 * Fails unless each operation has an id of its own, a summary, its parameters, one good answer, those for refusals and failures, and
 * schemas that are valid JSON Schema 2020-12.
 */
export function requireDescribed(document: OpenApiDocument): void {
  const { operations } = document;
  expect(document.body.openapi).toMatch(/^3\.1\./);
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  for (const { name, path, operation } of operations) {
    expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary, name).toMatch(/\.$/);
    expect(Object.keys(operation.responses).sort(), name).toEqual([
      expect.stringMatching(/^20[0-2]$/),
      '4XX',
      'default',
    ]);
    for (const response of Object.values(operation.responses).map((each) => document.response(each))) {
      expect(response?.description, name).toMatch(/\S/);
      for (const { schema } of Object.values(response?.content ?? {})) document.compile(schema);
    }
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) document.compile(schema);
    for (const { schema } of operation.parameters ?? []) document.compile(schema);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const named = (operation.parameters ?? []).filter((each) => each.in === 'path').map((each) => each.name);
    expect(named, name).toEqual(inPath);
  }
}
