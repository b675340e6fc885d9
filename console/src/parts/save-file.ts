/** Until then the browser has begun to save it. */
const FORGET_AFTER_MS = 10_000;

/** Has the browser save these bytes as a file. */
export function saveFile(parts: Uint8Array<ArrayBuffer>[], type: string | null, name: string): void {
  const address = URL.createObjectURL(new Blob(parts, type === null ? {} : { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), FORGET_AFTER_MS);
}
