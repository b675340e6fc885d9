import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';

/** Returns a Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes UTF-8 exactly. Null if the bytes are not UTF-8, so two byte strings never give the same text. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  const buffer = asBuffer(bytes);
  let bits = 0;
  for (let index = 0; index < buffer.length; index++) bits |= buffer[index] as number;
  if (bits < 0x80) return buffer.toString('latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : null;
}

/** Whether the bytes are the UTF-8 form of this well-formed text. */
export function isUtf8Of(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) return Buffer.from(text, 'utf8').equals(bytes);
    if (bytes[index] !== unit) return false;
  }
  return bytes.length === text.length;
}

/** SHA-256 as 64 lower-case hexadecimal digits. A text is hashed in its UTF-8 form. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/** SHA-256 as a text with a character for each of its 32 bytes. */
export function sha256Latin1(data: Uint8Array | string): string {
  return hash('sha256', data, 'binary');
}

/** The hexadecimal digits of a text with a character for each byte. */
export function hexOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('hex');
}
