import { EventEmitter } from 'node:events';
import type { PoolConnection } from 'mysql2/promise';
import { type ColumnType, ParameterWriter } from './parameter-writer.ts';

export interface RowsStatementText<Item> {
  /** `before` `row`, `row`, ... `after`: e.g. `INSERT INTO t VALUES`, `(?,?)`, `ON DUPLICATE KEY UPDATE ...`. */
  readonly before: string;
  readonly row: string;
  readonly after?: string;
  /** The types of a row's parameters. */
  readonly columns: readonly ColumnType[];
  /** Writes a row's parameters. */
  readonly write: (writer: ParameterWriter, item: Item) => void;
  /** The types of the parameters of `after`. */
  readonly tail?: readonly ColumnType[];
}

const MAX_ROWS = 512;
/** Far below the smallest default of max_allowed_packet in use (4 MiB); one larger row goes alone. */
const MAX_BYTES = 1024 * 1024;

/**
 * A statement over many rows, sent as prepared statements of 512, 256, ..., 1 rows, so that the server has at
 * most ten texts to prepare, however many rows there are, and never sees a packet that it would refuse.
 */
export class RowsStatement<Item> {
  readonly #text: RowsStatementText<Item>;
  readonly #bySize = new Map<number, { sql: string; types: readonly ColumnType[] }>();

  constructor(text: RowsStatementText<Item>) {
    this.#text = text;
  }

  /** Runs it over all items; resolves with the sum of the affected rows. `writeTail` fills the parameters of `after`. */
  async run(
    connection: PoolConnection,
    items: readonly Item[],
    writeTail: (writer: ParameterWriter) => void = () => {},
  ): Promise<number> {
    const { write } = this.#text;
    const session = sessionOf(connection);
    let affected = 0;
    for (let from = 0; from < items.length; ) {
      let size = Math.min(MAX_ROWS, 2 ** Math.floor(Math.log2(items.length - from)));
      for (; ; size /= 2) {
        const { sql, types } = this.#of(size);
        const statement = await session.prepare(sql);
        session.writer.begin(statement.id, types, !statement.knowsTypes);
        for (let index = from; index < from + size; index++) write(session.writer, items[index] as Item);
        if (session.writer.byteLength <= MAX_BYTES || size === 1) {
          writeTail(session.writer);
          affected += await session.execute(statement);
          break;
        }
      }
      from += size;
    }
    return affected;
  }

  #of(size: number): { sql: string; types: readonly ColumnType[] } {
    let found = this.#bySize.get(size);
    if (found === undefined) {
      const { before, row, after = '', columns, tail = [] } = this.#text;
      const sql = `${before} ${new Array(size).fill(row).join(',')} ${after}`;
      const types = [...new Array<readonly ColumnType[]>(size).fill(columns).flat(), ...tail];
      found = { sql, types };
      this.#bySize.set(size, found);
    }
    return found;
  }
}

/**
 * What the driver lets a command do, though its types don't say so: take its turn in the connection's queue,
 * send a packet of its own, and be given the answer. Nothing else of the driver's inside is used; the suites
 * that every store runs would show a driver that has changed here.
 */
interface CoreConnection {
  readonly clientEncoding: string;
  prepare(sql: string, done: (error: Error | null, statement: { readonly id: number }) => void): void;
  addCommand(command: EventEmitter): void;
  writePacket(packet: { buffer: Buffer; length(): number; writeHeader(sequenceId: number): void }): void;
  _resetSequenceId(): void;
}

interface AnswerPacket {
  isError(): boolean;
  asError(encoding: string): Error;
  readInt8(): number;
  readLengthCodedNumber(): number;
}

interface PreparedStatement {
  readonly id: number;
  /** The server keeps the parameters' types from the first execution on. */
  knowsTypes: boolean;
}

/** The statements that one connection has prepared, and the bytes of the next execution on it. */
class Session {
  readonly writer = new ParameterWriter();
  readonly #connection: CoreConnection;
  readonly #statements = new Map<string, PreparedStatement>();

  constructor(connection: CoreConnection) {
    this.#connection = connection;
  }

  async prepare(sql: string): Promise<PreparedStatement> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const id = await new Promise<number>((resolve, reject) => {
      this.#connection.prepare(sql, (error, statement) =>
        error === null ? resolve(statement.id) : reject(error),
      );
    });
    const statement = { id, knowsTypes: false };
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Sends what the writer holds; resolves with the number of affected rows. */
  async execute(statement: PreparedStatement): Promise<number> {
    const affected = await new Promise<number>((resolve, reject) => {
      this.#connection.addCommand(
        new Execution(this.writer.packet(), (error, rows) =>
          error === null ? resolve(rows) : reject(error),
        ),
      );
    });
    statement.knowsTypes = true;
    return affected;
  }
}

/** One turn in the driver's queue: a packet out, one answer in. */
class Execution extends EventEmitter {
  readonly #packet: Buffer;
  /** The driver calls it with an error if the connection breaks before the answer. */
  readonly onResult: (error: Error | null, affectedRows: number) => void;
  #isSent = false;

  constructor(packet: Buffer, onResult: (error: Error | null, affectedRows: number) => void) {
    super();
    this.#packet = packet;
    this.onResult = onResult;
  }

  /** Called first without a packet, then with the answer; true ends the turn. */
  execute(answer: AnswerPacket | null | undefined, connection: CoreConnection): boolean {
    if (!this.#isSent) {
      this.#isSent = true;
      const buffer = this.#packet;
      connection._resetSequenceId();
      connection.writePacket({
        buffer,
        length: () => buffer.length,
        writeHeader(sequenceId) {
          buffer.writeUIntLE(buffer.length - 4, 0, 3);
          buffer[3] = sequenceId;
        },
      });
      return false;
    }
    if (answer === null || answer === undefined) return false;
    if (answer.isError()) this.onResult(answer.asError(connection.clientEncoding), 0);
    else {
      answer.readInt8(); // OK
      this.onResult(null, answer.readLengthCodedNumber());
    }
    this.emit('end');
    return true;
  }
}

const sessions = new WeakMap<object, Session>();

function sessionOf(connection: PoolConnection): Session {
  const core = connection.connection as unknown as CoreConnection;
  let session = sessions.get(core);
  if (session === undefined) {
    session = new Session(core);
    sessions.set(core, session);
  }
  return session;
}

/** Question marks for a list of `count` values. */
export function marks(count: number): string {
  return new Array(count).fill('?').join(',');
}

/** Ids asked for in one statement: below 1,000, where MariaDB would turn the list into a subquery. */
const LIST_CHUNK = 512;

/** Cut into chunks, the last one filled up with its own last item to the next power of two: few texts to prepare. */
export function* chunksOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let from = 0; from < items.length; from += LIST_CHUNK) {
    const chunk = items.slice(from, from + LIST_CHUNK);
    const size = 2 ** Math.ceil(Math.log2(chunk.length));
    while (chunk.length < size) chunk.push(chunk.at(-1) as Item);
    yield chunk;
  }
}
