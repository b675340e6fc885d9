export interface Line {
  /** The number of the line, from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Whether the line was longer than the limit. Then `bytes` holds its beginning. */
  readonly isTooLong: boolean;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Yields the lines of a stream of bytes, without line ends and without empty lines. Uses at most `maxBytes` of memory for a
 * line. Does not decode the bytes, since that would hide faults in them.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let number = 0;
  let parts: Uint8Array[] = [];
  let length = 0;
  let isTooLong = false;

  const add = (part: Uint8Array) => {
    const room = maxBytes - length;
    if (part.length > room) isTooLong = true;
    if (room <= 0 || part.length === 0) return;
    parts.push(part.subarray(0, room));
    length += Math.min(room, part.length);
  };
  const finish = (): Line | null => {
    number++;
    let bytes: Uint8Array = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
    const line = bytes.length === 0 ? null : { number, bytes, isTooLong };
    parts = [];
    length = 0;
    isTooLong = false;
    return line;
  };

  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = finish();
      if (line !== null) yield line;
    }
    add(chunk.subarray(start));
  }
  if (length > 0) {
    const line = finish();
    if (line !== null) yield line;
  }
}
