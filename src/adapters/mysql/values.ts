/** A text as the driver gives it: ids, whose columns are binary, come as the bytes of their UTF-8 form. */
export function textOf(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
