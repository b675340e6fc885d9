import { messageOf } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReadValue, ValueSchemas } from '../../ports/value-schemas.ts';
import type { CompiledSchema } from './compiled.ts';
import { readSchemaFolder } from './folder.ts';
import type { RegisteredSchema, RegistryClient, RegistryOptions } from './registry-client.ts';

export interface ValueSchemasOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** A folder of schemas, which are looked up before the registry's. */
  readonly folder?: { readonly path: string; readonly settingName: string };
  readonly registry?: RegistryOptions;
}

/** Opens the schemas of a registry, of a folder, or of both. Throws `setting_invalid` if the folder cannot be used. */
export function openValueSchemas(options: ValueSchemasOptions): ValueSchemas {
  return new RegisteredSchemas(options);
}

/** How the schema of a name reads values, or why it reads none. */
type Known =
  | { readonly kind: 'compiled'; readonly schema: CompiledSchema }
  /** JSON needs no schema to be read. */
  | { readonly kind: 'json' }
  | { readonly kind: 'missing'; readonly detail: string; readonly untilMs: number };

/** A registry that lacks a schema is asked for it again after this time, because somebody may register it. */
const MISSING_FOR_MS = 60_000;

class RegisteredSchemas implements ValueSchemas {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #files: ReadonlyMap<string, RegisteredSchema>;
  readonly #registry: RegistryOptions | null;
  #client: Promise<RegistryClient> | null = null;
  readonly #known = new Map<string, Known>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor({ clock, folder, registry }: ValueSchemasOptions) {
    this.#clock = clock;
    this.#files = folder === undefined ? new Map() : readSchemaFolder(folder.path, folder.settingName);
    this.#registry = registry ?? null;
  }

  prepare(names: Iterable<string>): Promise<void> | null {
    const waits = [...new Set(names)].filter((name) => !this.#isKnown(name)).map((name) => this.#learn(name));
    return waits.length === 0 ? null : Promise.all(waits).then(() => undefined);
  }

  read(name: string, payload: Buffer): ReadValue {
    const known = this.#known.get(name);
    if (known === undefined)
      return { kind: 'no_schema', detail: `Nobody has looked up the schema ${name} yet.` };
    if (known.kind === 'missing') return { kind: 'no_schema', detail: known.detail };
    if (known.kind === 'json') return { kind: 'value', json: payload, hasTextNumbers: false };
    const { title } = known.schema;
    try {
      const { value, hasTextNumbers } = known.schema.read(payload);
      return { kind: 'value', json: Buffer.from(jsonText(value)), hasTextNumbers };
    } catch {
      // The error of a library may quote the value.
      return {
        kind: 'mismatch',
        detail: `The bytes behind the prefix are no value of the schema ${name} (${title}).`,
      };
    }
  }

  /** The client of the registry, which is loaded when it is first asked; null if no registry is named. */
  async #registryClient(): Promise<RegistryClient | null> {
    const options = this.#registry;
    if (options === null) return null;
    this.#client ??= import('./registry-client.ts').then((module) => new module.RegistryClient(options));
    return this.#client;
  }

  #isKnown(name: string): boolean {
    const known = this.#known.get(name);
    return known !== undefined && (known.kind !== 'missing' || known.untilMs > this.#clock.now());
  }

  #learn(name: string): Promise<void> {
    const found = this.#underWay.get(name);
    if (found !== undefined) return found;
    const learning = this.#lookUp(name)
      .then((known) => void this.#known.set(name, known))
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, learning);
    return learning;
  }

  async #lookUp(name: string): Promise<Known> {
    const registered =
      this.#files.get(name) ??
      this.#files.get(name.replace('global-', '')) ??
      (await (await this.#registryClient())?.read(name)) ??
      null;
    const untilMs = this.#clock.now() + MISSING_FOR_MS;
    if (registered === null) {
      const client = await this.#registryClient();
      const place = client === null ? 'The folder of schemas' : `The schema registry at ${client.shown}`;
      return { kind: 'missing', detail: `${place} has no schema ${name}.`, untilMs };
    }
    if (registered.kind === 'JSON') return { kind: 'json' };
    try {
      return { kind: 'compiled', schema: await compiled(registered) };
    } catch (error) {
      return { kind: 'missing', detail: `The schema ${name} cannot be used: ${messageOf(error)}.`, untilMs };
    }
  }
}

/** Loads the library of the schema's kind alone. */
async function compiled({ kind, text, references }: RegisteredSchema): Promise<CompiledSchema> {
  if (kind === 'PROTOBUF') return (await import('./protobuf.ts')).compileProtobuf(text, references);
  return (await import('./avro.ts')).compileAvro(
    text,
    references.map(({ schema }) => schema),
  );
}

/** The JSON text of a value, in which bigints are numbers with all their digits. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'bigint' ? rawJson(String(member)) : member,
  );
}

/** The text of a number as it is (https://tc39.es/proposal-json-parse-with-source/). */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
