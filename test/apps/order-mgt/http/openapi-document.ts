import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Content {
  readonly [type: string]: { readonly schema: object };
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content: Content }>>;
}

export interface OpenApiBody {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** An OpenAPI 3.1 document that judges answers. */
export class OpenApiDocument {
  readonly body: OpenApiBody;
  readonly #ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  readonly #compiled = new Map<object, ValidateFunction>();

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

  /** Throws unless the document has the status and the media type of the answer, and the body fits the schema. */
  requireFit(
    method: string,
    path: string,
    answer: { readonly status: number; readonly type: string; readonly body: unknown },
  ): void {
    const responses = this.#operationOf(method, path)?.responses;
    const nothingThere: Content = { 'application/problem+json': { schema: this.#problem } };
    const content = (responses?.[String(answer.status)] ?? responses?.default)?.content ?? nothingThere;
    const schema = content[answer.type]?.schema;
    const place = `${method} ${path} answered ${answer.status} ${answer.type}`;
    if (schema === undefined) throw new Error(`${place}: the document does not have this.`);
    const validate = this.compile(schema);
    if (!validate(answer.body)) throw new Error(`${place}: ${this.#ajv.errorsText(validate.errors)}`);
  }

  get #problem(): object {
    return this.body.components.schemas.Problem ?? {};
  }

  #operationOf(method: string, path: string): Operation | undefined {
    const [bare = ''] = path.split('?', 1);
    const { paths } = this.body;
    const one = bare.startsWith('/api/orders/') ? paths['/api/orders/{orderId}'] : undefined;
    return paths[bare]?.[method.toLowerCase()] ?? one?.[method.toLowerCase()];
  }
}
