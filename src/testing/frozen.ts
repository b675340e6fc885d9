/** Freezes a value and everything in it, so that code of a module throws when it changes a part. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  // The content of a Map, a Set or an array of bytes cannot be frozen.
  if (!ArrayBuffer.isView(value)) Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}

/** A copy that shares nothing with the value. The value itself where it cannot be copied, as with functions in it. */
export function copied<Value>(value: Value): Value {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}
