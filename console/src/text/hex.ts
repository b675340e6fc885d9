export interface HexLine {
  /** The number of the line's first byte, in hexadecimal. */
  readonly at: string;
  /** The bytes in hexadecimal, in two groups of eight. */
  readonly hex: string;
  /** The bytes as ASCII; a point for each byte that has no letter. */
  readonly text: string;
}

const LINE_BYTES = 16;

/** The bytes as lines of sixteen. */
export function hexLines(bytes: Uint8Array): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const line = bytes.subarray(at, at + LINE_BYTES);
    const pairs = [...line].map((byte) => byte.toString(16).padStart(2, '0'));
    lines.push({
      at: at.toString(16).padStart(8, '0'),
      hex: [pairs.slice(0, 8).join(' '), pairs.slice(8).join(' ')].filter((half) => half !== '').join('  '),
      text: [...line].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(''),
    });
  }
  return lines;
}

/** The bytes of a text in base64. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
