/** Reads a text. Ids come as the bytes of their UTF-8 form, because their columns are binary. */
export function textOf(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
