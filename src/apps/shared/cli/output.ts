import type { Writable } from 'node:stream';

export type OutputFormat = 'text' | 'json' | 'jsonl';

/**
 * What a program writes to stdout. `row` is one of many: text lines, JSON lines, or the elements of one JSON
 * array. `document` is the whole answer. A program uses one of the two. Both resolve when the reader of stdout
 * keeps up, so that a slow one slows the program down instead of filling its memory.
 */
export interface Output {
  readonly format: OutputFormat;
  row(data: object, text: string): Promise<void>;
  /** A line above the rows, for people: of JSON it is no part. */
  heading(text: string): Promise<void>;
  document(data: object, text: string): Promise<void>;
  /** Ends the array of `row`; for a command that writes rows, also if there was none. */
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

/** Offsets, which are bigints, become numbers while every reader gets those exactly (to 2^53), else texts. */
function toJson(data: object): string {
  return JSON.stringify(data, (_name, value: unknown) =>
    typeof value === 'bigint'
      ? Number.isSafeInteger(Number(value))
        ? Number(value)
        : value.toString()
      : value,
  );
}
