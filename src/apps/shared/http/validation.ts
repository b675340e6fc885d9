import { Ajv, type ValidateFunction } from 'ajv';

/** A string is no number here, and unknown fields stay where they are. */
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: false,
  useDefaults: false,
  removeAdditional: false,
  allowUnionTypes: true,
  // Of what describes and does not judge: examples, headers of answers.
  strictSchema: false,
});

const compiled = new Map<object, ValidateFunction>();

/** Compiles the schema once, whoever asks for it. */
export function compileBody(schema: object): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}
