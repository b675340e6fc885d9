import type { EventEmitter } from 'node:events';
import type { PoolConnection } from 'mysql2/promise';

/** A parameter as the server reads it. Integers are exact; texts and bytes are bytes. */
export type Parameter = Buffer | bigint | number | null;

/** An execution that the server got. */
export interface Execution {
  readonly sql: string;
  readonly parameters: readonly Parameter[];
  readonly byteLength: number;
}

const TEXT = 253;
const BYTES = 252;
const INTEGER = 8;
const DOUBLE = 5;

/**
 * Reads the parameters of a COM_STMT_EXECUTE as a server does. Source: MySQL Internals, "COM_STMT_EXECUTE" and "Binary
 * Protocol Value". `types` are those that the server has, for a packet without types.
 */
export function readExecution(
  packet: Buffer,
  count: number,
  types: readonly number[] | undefined,
): { readonly statementId: number; readonly types: readonly number[]; readonly parameters: Parameter[] } {
  const body = packet.subarray(4);
  const statementId = body.readUInt32LE(1);
  const nulls = body.subarray(10);
  let at = 10 + Math.ceil(count / 8);
  const hasTypes = body[at++] === 1;
  const read = hasTypes ? Array.from({ length: count }, (_, index) => body[at + 2 * index] as number) : types;
  if (read === undefined) throw new Error('The server lacks the types of the parameters.');
  if (hasTypes) at += 2 * count;
  const lengthAt = (): number => {
    const first = body[at++] as number;
    if (first < 251) return first;
    const width = { 252: 2, 253: 3, 254: 8 }[first];
    if (width === undefined) throw new Error(`A length begins with ${first}.`);
    at += width;
    return body.readUIntLE(at - width, Math.min(width, 6));
  };
  const parameters = read.map((type, index): Parameter => {
    if (((nulls[index >> 3] as number) >> (index & 7)) & 1) return null;
    if (type === INTEGER || type === DOUBLE) {
      at += 8;
      return type === INTEGER ? body.readBigInt64LE(at - 8) : body.readDoubleLE(at - 8);
    }
    if (type !== TEXT && type !== BYTES) throw new Error(`A parameter has the type ${type}.`);
    const length = lengthAt();
    at += length;
    return Buffer.from(body.subarray(at - length, at));
  });
  if (at !== body.length) throw new Error(`The server reads ${at} bytes of a packet of ${body.length}.`);
  return { statementId, types: read, parameters };
}

/**
 * The driver's connection, as far as a `RowsStatement` uses it. It keeps what it is sent, and answers each execution,
 * in turn and late, with `affectedRows`, or with the error that `refuse` gives.
 */
export class DriverDouble {
  readonly executions: Execution[] = [];
  refuse: (execution: Execution) => Error | null = () => null;
  affectedRows = 1;
  readonly #prepared = new Map<string, { id: number; types?: readonly number[]; close: () => void }>();
  #lastId = 6;
  #unanswered = 0;
  mostUnanswered = 0;

  get connection(): PoolConnection {
    return { connection: this } as unknown as PoolConnection;
  }

  get preparedTexts(): readonly string[] {
    return [...this.#prepared.keys()];
  }

  /** Closes every statement, as the driver does when it makes room for others. */
  close(): void {
    for (const { close } of [...this.#prepared.values()]) close();
  }

  readonly clientEncoding = 'utf8';
  /** The number of the next packet, sent or received. */
  #sequenceId = 0;
  _resetSequenceId(): void {
    this.#sequenceId = 0;
  }
  _bumpSequenceId(packets: number): void {
    this.#sequenceId += packets;
  }

  prepare(sql: string, done: (error: null, statement: { id: number; close: () => void }) => void): void {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      const id = ++this.#lastId;
      // A statement that is closed late takes no newer one of its text with it.
      const close = () => this.#prepared.get(sql)?.id === id && this.#prepared.delete(sql);
      statement = { id, close };
      this.#prepared.set(sql, statement);
    }
    const prepared = statement;
    queueMicrotask(() => done(null, prepared));
  }

  /** Packets are never held back here. */
  readonly stream: { uncork: () => void } = { uncork: () => {} };

  writePacket(packet: { readonly buffer: Buffer }): void {
    if (this.#sequenceId !== 0)
      throw new Error(`The packet of a command has the number ${this.#sequenceId}.`);
    this.#sequenceId = 1;
    const statementId = packet.buffer.readUInt32LE(5);
    const found = [...this.#prepared].find(([, { id }]) => id === statementId);
    if (found === undefined) throw new Error(`The server has no statement ${statementId}.`);
    const [sql, statement] = found;
    const count = sql.split('?').length - 1;
    const { types, parameters } = readExecution(packet.buffer, count, statement.types);
    statement.types = types;
    this.executions.push({ sql, parameters, byteLength: packet.buffer.length });
    this.mostUnanswered = Math.max(this.mostUnanswered, ++this.#unanswered);
  }

  addCommand(command: EventEmitter & { execute(answer: unknown, connection: unknown): boolean }): void {
    const answered = this.executions.length;
    let isOver = command.execute(null, this);
    for (let next = answered; !isOver; next++) {
      this.#unanswered--;
      // The answer had the number 1, and the driver has counted it.
      this.#sequenceId = 2;
      isOver = command.execute(this.#answerTo(this.executions[next] as Execution), this);
      if (this.#sequenceId !== 1)
        throw new Error(`The next answer would need the number ${this.#sequenceId}.`);
    }
  }

  #answerTo(execution: Execution) {
    const error = this.refuse(execution);
    let bytesRead = 0;
    return {
      isError: () => error !== null,
      asError: () => error,
      readInt8: () => {
        bytesRead++;
        return 0;
      },
      readLengthCodedNumber: () => (bytesRead === 1 ? this.affectedRows : Number.NaN),
    };
  }
}
