/** A schema that reads values. */
export interface CompiledSchema {
  /** Names the schema in messages: `Avro shop.Order`. */
  readonly title: string;
  /** Reads a value; bigints in it are numbers with all their digits. Throws an Error if the bytes are no value of the schema. */
  read(payload: Buffer): { readonly value: unknown; readonly hasTextNumbers: boolean };
}

/** A schema that is named by another one under `name`. */
export interface SchemaReference {
  readonly name: string;
  readonly schema: string;
}
