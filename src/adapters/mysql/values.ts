/** Reads a text. Ids come as the bytes of their UTF-8 form, because their columns are binary. */
export function textOf(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

/** Reads bytes that are UTF-8. A proxy may call their column a text. */
export function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value));
}

/** Reads bytes that a statement gives as TO_BASE64, because a proxy may call their column a text. */
export function bytesOfBase64(value: unknown): Buffer | null {
  return value === null ? null : Buffer.from(textOf(value), 'base64');
}
