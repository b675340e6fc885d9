import { Ajv, type ValidateFunction } from 'ajv';

/** The validator of bodies. It takes no string for a number, and leaves unknown fields where they are. */
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: false,
  useDefaults: false,
  removeAdditional: false,
  allowUnionTypes: true,
  // Schemas may hold words that describe and do not judge: examples, and headers of answers.
  strictSchema: false,
});

const compiled = new Map<object, ValidateFunction>();

/** Compiles the schema. Each schema is compiled once. */
export function compileBody(schema: object): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}
