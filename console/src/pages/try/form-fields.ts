/** One field of a form, made of one property of an event's schema. */
export interface FormField {
  readonly name: string;
  readonly isRequired: boolean;
  /** The only values that the schema takes; empty if it takes others. */
  readonly options: readonly string[];
  /** The only value; the form does not ask for it. */
  readonly constant: string | null;
  readonly kind: 'text' | 'integer';
  readonly example: string;
}

interface Property {
  readonly type?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
}

/** The fields of a schema, the required ones first. `nowMs` and `orderId` are what new values are made of. */
export function fieldsOf(
  schema: Readonly<Record<string, unknown>>,
  { nowMs, orderId }: { readonly nowMs: number; readonly orderId: string },
): FormField[] {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Property>>;
  const required = new Set(Array.isArray(schema.required) ? (schema.required as readonly string[]) : []);
  const fields = Object.entries(properties).map(([name, property]): FormField => {
    const options = (property.enum ?? []).map(String);
    const constant = property.const === undefined ? null : String(property.const);
    const kind = property.type === 'integer' ? 'integer' : 'text';
    return {
      name,
      isRequired: required.has(name),
      options,
      constant,
      kind,
      example: exampleOf(name, options, constant),
    };
  });
  return fields.sort((left, right) => Number(right.isRequired) - Number(left.isRequired));

  function exampleOf(name: string, options: readonly string[], constant: string | null): string {
    if (constant !== null) return constant;
    if (options[0] !== undefined) return options[0];
    if (name === 'orderId') return orderId;
    if (/time/i.test(name)) return new Date(nowMs).toISOString();
    return '';
  }
}

/** The body that the values of a form make. An optional field that is empty is left out. */
export function bodyOf(
  fields: readonly FormField[],
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    fields.flatMap(({ name, constant, isRequired, kind, example }) => {
      const value = constant ?? values[name] ?? example;
      if (value === '' && !isRequired) return [];
      return [[name, kind === 'integer' && /^-?\d+$/.test(value) ? Number(value) : value] as const];
    }),
  );
}
