import type { JsonValue } from '../../core/domain.ts';
import type { StandardSchema } from './standard-schema.ts';

/** A JSON Schema (draft-07) of a body, or a schema of a validation library. */
export type EventSchema = JsonSchema | StandardSchema;

/** JSON Schema, of which only the words are named that types can be made of. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly [keyword: string]: unknown;
}

/** The type of the bodies that a schema accepts. */
export type BodyOf<Schema> =
  Schema extends StandardSchema<infer _Input, infer Output> ? Output : JsonOf<Schema>;

type JsonOf<Schema> = Schema extends { readonly const: infer Value }
  ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { readonly properties: infer Properties }
      ? ObjectOf<Properties, Schema extends { readonly required: readonly (infer Name)[] } ? Name : never>
      : Schema extends { readonly type: readonly (infer Type)[] }
        ? TypeOf<Type, Schema>
        : Schema extends { readonly type: infer Type }
          ? TypeOf<Type, Schema>
          : JsonValue;

type ObjectOf<Properties, Required> = Flat<
  {
    readonly [Name in keyof Properties as Name extends Required ? Name : never]: JsonOf<Properties[Name]>;
  } & {
    readonly [Name in keyof Properties as Name extends Required ? never : Name]?: JsonOf<Properties[Name]>;
  }
>;

/** Writes an intersection as one object, for people who read the type. */
type Flat<Type> = { [Name in keyof Type]: Type[Name] };

type TypeOf<Type, Schema> = Type extends 'string'
  ? string
  : Type extends 'number' | 'integer'
    ? number
    : Type extends 'boolean'
      ? boolean
      : Type extends 'null'
        ? null
        : Type extends 'array'
          ? readonly (Schema extends { readonly items: infer Items } ? JsonOf<Items> : JsonValue)[]
          : { readonly [name: string]: JsonValue };
