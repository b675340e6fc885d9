import { Agent, request } from 'undici';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { SchemaReference } from './compiled.ts';

export interface RegistryOptions {
  /** The base of the registry's HTTP API, with user and password for HTTP Basic if it wants them. */
  readonly url: string;
  /** A token for `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** The authorities that sign the registry's certificate, as PEM. Default: those of the system. */
  readonly ca?: Buffer | undefined;
  /** How messages name the setting of the URL. */
  readonly settingName: string;
}

/** A schema as a registry has it. */
export interface RegisteredSchema {
  readonly kind: 'AVRO' | 'PROTOBUF' | 'JSON';
  readonly text: string;
  /** Every schema that it needs, those without references first. */
  readonly references: readonly SchemaReference[];
}

const ANSWER_DEADLINE_MS = 5_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const REFERENCES_MAX = 200;

interface Answer {
  readonly schemaType?: string;
  readonly schema: string;
  readonly references?: readonly {
    readonly name: string;
    readonly subject: string;
    readonly version: number;
  }[];
}

/**
 * Reads schemas by the HTTP API of Confluent's Schema Registry, which Karapace, Redpanda and Apicurio (under
 * `/apis/ccompat/v7`) answer too: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
export class RegistryClient {
  readonly #base: string;
  readonly #shown: string;
  readonly #headers: Record<string, string>;
  readonly #agent: Agent;
  readonly #settingName: string;

  constructor({ url, token, ca, settingName }: RegistryOptions) {
    const parsed = new URL(url);
    const { username, password } = parsed;
    parsed.username = '';
    parsed.password = '';
    this.#base = parsed.href.replace(/\/+$/, '');
    this.#shown = this.#base;
    this.#settingName = settingName;
    // Few requests are made, so each has a connection of its own, and nothing has to be closed.
    this.#agent = new Agent({ pipelining: 0, ...(ca === undefined ? {} : { connect: { ca } }) });
    const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    this.#headers = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json, */*',
      ...(username === '' ? {} : { authorization: `Basic ${basic.toString('base64')}` }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  /** The URL without user and password, for messages. */
  get shown(): string {
    return this.#shown;
  }

  /** Reads the schema of this name; null if the registry has none. Rejects with `schemas_unreachable`. */
  async read(name: string): Promise<RegisteredSchema | null> {
    const [, globalId] = /^global-(\d+)$/.exec(name) ?? [];
    const apicurio = /^(.*\/apis)\/ccompat\/v\d+$/.exec(this.#base)?.[1];
    if (globalId !== undefined && apicurio !== undefined) return this.#readGlobal(apicurio, globalId);
    const id = globalId ?? name;
    const path = /^\d+$/.test(id) ? `/schemas/ids/${id}` : `/schemas/guids/${id}`;
    const answer = await this.#ask(path);
    if (answer === null) return null;
    const references = new Map<string, string>();
    await this.#readReferences(answer, references, new Set());
    return {
      kind: kindOf(answer.schemaType),
      text: answer.schema,
      references: [...references].map(([each, schema]) => ({ name: each, schema })),
    };
  }

  /** Reads the schema of a global id by Apicurio's own API, with what it refers to in it. */
  async #readGlobal(apis: string, id: string): Promise<RegisteredSchema | null> {
    let isRegistry = false;
    for (const version of ['v3', 'v2']) {
      const path = `/registry/${version}/ids/globalIds/${id}`;
      const { status, text, type } = await this.#get(
        `${apis}${path}?references=DEREFERENCE&dereference=true`,
      );
      // A registry of another version does not know the path.
      isRegistry ||= isJson(text);
      if (status === 404) continue;
      if (status !== 200) throw this.#unreachable(`answered ${path} with ${status}${HINTS[status] ?? ''}`);
      return { kind: kindOfContent(type, text), text, references: [] };
    }
    if (isRegistry) return null;
    throw this.#unreachable(`answered the global id ${id} with 404${HINTS[404]}`);
  }

  /** Adds what the schema needs to `found`, those without references first. Asks for no name in `asked` again. */
  async #readReferences(answer: Answer, found: Map<string, string>, asked: Set<string>): Promise<void> {
    for (const { name, subject, version } of answer.references ?? []) {
      if (asked.has(name)) continue;
      if (asked.size >= REFERENCES_MAX)
        throw this.#unreachable(`has over ${REFERENCES_MAX} references in one schema`);
      asked.add(name);
      const next = await this.#ask(`/subjects/${encodeURIComponent(subject)}/versions/${version}`);
      if (next === null) continue;
      await this.#readReferences(next, found, asked);
      found.set(name, next.schema);
    }
  }

  async #ask(path: string): Promise<Answer | null> {
    const { status, text } = await this.#get(`${this.#base}${path}`);
    if (status === 404 && isJson(text)) return null;
    if (status !== 200) throw this.#unreachable(`answered ${path} with ${status}${HINTS[status] ?? ''}`);
    const answer = answerOf(text);
    if (answer === null) throw this.#unreachable(`answered ${path} with something else than a schema`);
    return answer;
  }

  async #get(url: string): Promise<{ status: number; text: string; type: string }> {
    const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
    try {
      const response = await request(url, { headers: this.#headers, dispatcher: this.#agent, signal });
      const type = String(response.headers['content-type'] ?? '');
      return { status: response.statusCode, text: await readText(response.body), type };
    } catch (error) {
      throw this.#unreachable(
        `does not answer (${signal.aborted ? 'no answer in 5 s' : messageOf(error)})`,
        error,
      );
    }
  }

  #unreachable(what: string, cause?: unknown): TributaryError {
    return new TributaryError(
      'schemas_unreachable',
      `The schema registry at ${this.#shown} ${what}: no record that needs it is read until it does. Look at ` +
        `${this.#settingName} and at the registry.`,
      { cause },
    );
  }
}

const HINTS: Readonly<Record<number, string>> = {
  401: ' (give user and password in the URL, or a token)',
  403: ' (the user may not read schemas)',
  404: ' (no registry answers under this URL)',
};

function kindOf(schemaType: string | undefined): RegisteredSchema['kind'] {
  return schemaType === 'PROTOBUF' || schemaType === 'JSON' ? schemaType : 'AVRO';
}

/** The kind of a schema that stands by itself. Only a schema of JSON has members that Avro does not know. */
function kindOfContent(contentType: string, text: string): RegisteredSchema['kind'] {
  if (!contentType.includes('json')) return 'PROTOBUF';
  const schema = objectIn(text);
  const isOfJson = ['$schema', 'properties', '$ref', 'oneOf', 'anyOf'].some((name) => name in schema);
  return isOfJson || (schema as { readonly type?: unknown }).type === 'object' ? 'JSON' : 'AVRO';
}

/** The object in a text; an empty one if there is none. */
function objectIn(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function answerOf(text: string): Answer | null {
  try {
    const answer = JSON.parse(text) as Answer | null;
    return typeof answer?.schema === 'string' ? answer : null;
  } catch {
    return null;
  }
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`an answer of over ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
