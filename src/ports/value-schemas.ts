/**
 * Reads values whose form is a schema that stands elsewhere, in a schema registry or in files. A schema never changes
 * under its name, so a value means the same at any time. A name is an id in decimal digits, a GUID, or `global-` and a global id
 * of Apicurio's registry, which counts them apart from its other ids.
 */
export interface ValueSchemas {
  /**
   * Gets the schemas of these names ready to read values. Null if nothing has to be waited for. Rejects with
   * `schemas_unreachable` (retryable) if the registry does not say whether it has one of them. A schema that is missing, or that
   * cannot be understood, is no error: `read` says so.
   */
  prepare(names: Iterable<string>): Promise<void> | null;
  /**
   * Reads a value by the schema of this name, which has been prepared. Never throws, whatever the bytes are. Numbers beyond
   * 2^53 keep their digits in the JSON text.
   */
  read(name: string, payload: Buffer): ReadValue;
}

export type ReadValue =
  | {
      readonly kind: 'value';
      /** The value as a JSON text in UTF-8. */
      readonly json: Buffer;
      /** Whether 64-bit numbers are texts in it, as the JSON form of Protobuf has them. */
      readonly hasTextNumbers: boolean;
    }
  /** No registry and no file has a schema of this name, or it cannot be used. `detail` is a sentence that says why. */
  | { readonly kind: 'no_schema'; readonly detail: string }
  /** The bytes are no value of the schema. `detail` is a sentence without any of the value. */
  | { readonly kind: 'mismatch'; readonly detail: string };
