import type { Writable } from 'node:stream';

export type OutputFormat = 'text' | 'json' | 'jsonl';

/**
 * Writes a program's answer to stdout, either as rows or as one document. Both methods resolve when the reader of stdout can
 * take more, so that a slow reader slows the program down instead of filling its memory.
 */
export interface Output {
  readonly format: OutputFormat;
  /** Writes one row: a line of text, a line of JSON, or an element of one JSON array. */
  row(data: object, text: string): Promise<void>;
  /** Writes a line above the rows of text. JSON has no heading. */
  heading(text: string): Promise<void>;
  /** Writes the whole answer. */
  document(data: object, text: string): Promise<void>;
  /** Ends the rows. A command that writes rows has to call it, also if there was no row. */
  endRows(): Promise<void>;
}

export function createOutput(stream: Writable, format: OutputFormat): Output {
  let rows = 0;

  function write(chunk: string): Promise<void> {
    if (stream.write(chunk) || stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  return {
    format,
    row(data, text) {
      rows++;
      if (format === 'text') return write(`${text}\n`);
      const line = toJson(data);
      if (format === 'jsonl') return write(`${line}\n`);
      return write(rows === 1 ? `[\n${line}` : `,\n${line}`);
    },
    heading(text) {
      return format === 'text' ? write(`${text}\n`) : Promise.resolve();
    },
    document(data, text) {
      return write(format === 'text' ? `${text}\n` : `${toJson(data)}\n`);
    },
    async endRows() {
      if (format === 'json') await write(rows === 0 ? '[]\n' : '\n]\n');
    },
  };
}

/** JSON with bigints, such as offsets: a number up to 2^53, which every reader reads exactly, and a text beyond. */
function toJson(data: object): string {
  return JSON.stringify(data, (_name, value: unknown) =>
    typeof value === 'bigint'
      ? Number.isSafeInteger(Number(value))
        ? Number(value)
        : value.toString()
      : value,
  );
}
