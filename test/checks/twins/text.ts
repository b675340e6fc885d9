/** Turns what a port gives into texts that can be compared: equal values have equal texts. */

/** The text of a value, with the fields of objects and the entries of maps sorted by name. */
export function textOf(value: unknown): string {
  return JSON.stringify(plain(value)) ?? 'undefined';
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value}`;
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Uint8Array) return bytesText(value);
  if (Array.isArray(value)) return value.map(plain);
  // No port promises a sequence of a map's or a set's entries.
  if (value instanceof Map) return { map: [...value].map(plain).sort(byText) };
  if (value instanceof Set) return { set: [...value].map(plain).sort(byText) };
  if (typeof value !== 'object' || value === null) return value;
  // A field that is undefined says the same as a field that is missing.
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.sort(([left], [right]) => (left < right ? -1 : 1)).map(plainField));
}

function plainField([name, value]: [string, unknown]): [string, unknown] {
  return [name, plain(value)];
}

function byText(left: unknown, right: unknown): number {
  const [one, other] = [JSON.stringify(left), JSON.stringify(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Long values are named by their length and their ends, which the histories make different. */
function bytesText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.length <= 120 ? `0x${hex}` : `0x${hex.slice(0, 40)}…${hex.slice(-40)} (${bytes.length} bytes)`;
}
