import { EventEmitter } from 'node:events';
import type { PoolConnection } from 'mysql2/promise';
import { type ColumnType, ParameterWriter } from './parameter-writer.ts';

export interface RowsStatementText<Item> {
  /** `before` `row`, `row`, ... `after`: e.g. `INSERT INTO t VALUES`, `(?,?)`, `ON DUPLICATE KEY UPDATE ...`. */
  readonly before: string;
  readonly row: string;
  readonly after?: string;
  /** The types of the parameters of `before`. */
  readonly head?: readonly ColumnType[];
  /** The types of a row's parameters. */
  readonly columns: readonly ColumnType[];
  /** Writes a row's parameters. */
  readonly write: (writer: ParameterWriter, item: Item) => void;
  /** The types of the parameters of `after`. */
  readonly tail?: readonly ColumnType[];
}

/** A statement is prepared once for each of these many rows: few texts for a server to keep. */
const SIZES = [512, 256, 64, 16, 4, 1] as const;
/** Far below the smallest default of max_allowed_packet in use (4 MiB); one larger row goes alone. */
const MAX_BYTES = 1024 * 1024;

/** So many executions of one statement are under way at once, so that the server has work while we are busy. */
const PIPELINED = 8;

/**
 * A statement over many rows, sent as prepared statements of 512, 256, ..., 1 rows, so that the server has at
 * most six texts to prepare, however many rows there are, and never sees a packet that it would refuse.
 *
 * Executions are sent before the ones in front of them have been answered. If one fails, the server has carried out
 * others behind it: only a transaction that is rolled back then (`inTransaction`) may run it.
 */
export class RowsStatement<Item> {
  readonly #text: RowsStatementText<Item>;
  readonly #bySize = new Map<number, { sql: string; types: readonly ColumnType[] }>();

  constructor(text: RowsStatementText<Item>) {
    this.#text = text;
  }

  /**
   * Runs it over all items; resolves with the sum of the affected rows. `writeTail` fills the parameters of `after`,
   * `writeHead` those of `before`.
   */
  async run(
    connection: PoolConnection,
    items: readonly Item[],
    writeTail: (writer: ParameterWriter) => void = () => {},
    writeHead: (writer: ParameterWriter) => void = () => {},
  ): Promise<number> {
    const session = sessionOf(connection);
    let affected = 0;
    let from = 0;
    // The next packet; null when all is written, or when a text has to be prepared, which takes a turn of its own.
    const next = (writer: ParameterWriter): PreparedStatement | null => {
      for (const size of SIZES) {
        if (size > items.length - from) continue;
        const { sql, types } = this.#of(size);
        const statement = session.prepared(sql);
        if (statement === undefined) return null;
        writer.begin(statement.id, types, !statement.knowsTypes);
        writeHead(writer);
        for (let index = from; index < from + size; index++) this.#text.write(writer, items[index] as Item);
        if (writer.byteLength > MAX_BYTES && size > 1) continue;
        writeTail(writer);
        from += size;
        return statement;
      }
      return null;
    };
    while (from < items.length) {
      // Of the largest size first, and then of each smaller one that a large row may make necessary.
      const fitting = SIZES.filter((size) => size <= items.length - from);
      const missing = fitting.find((size) => session.prepared(this.#of(size).sql) === undefined);
      await session.prepare(this.#of(missing ?? fitting[0] ?? 1).sql);
      affected += await session.execute(next);
    }
    return affected;
  }

  #of(size: number): { sql: string; types: readonly ColumnType[] } {
    let found = this.#bySize.get(size);
    if (found === undefined) {
      const { before, row, after = '', head = [], columns, tail = [] } = this.#text;
      const sql = `${before} ${new Array(size).fill(row).join(',')} ${after}`;
      const types = [...head, ...new Array<readonly ColumnType[]>(size).fill(columns).flat(), ...tail];
      found = { sql, types };
      this.#bySize.set(size, found);
    }
    return found;
  }
}

/**
 * What the driver lets a command do, though its types don't say so: take its turn in the connection's queue,
 * send packets of its own, and be given the answers. Nothing else of the driver's inside is used; the suites
 * that every store runs would show a driver that has changed here.
 */
interface CoreConnection {
  readonly clientEncoding: string;
  prepare(sql: string, done: (error: Error | null, statement: DriverStatement) => void): void;
  addCommand(command: EventEmitter): void;
  writePacket(packet: { buffer: Buffer; length(): number; writeHeader(sequenceId: number): void }): void;
  _resetSequenceId(): void;
  _bumpSequenceId(packets: number): void;
}

interface DriverStatement {
  readonly id: number;
  /** Called by the driver when it makes room for another one. */
  close(): unknown;
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

/** Writes the next execution, and says of which statement; null: there is none. */
type NextExecution = (writer: ParameterWriter) => PreparedStatement | null;

/** The statements that one connection has prepared, and the bytes of the executions that are under way on it. */
class Session {
  readonly #connection: CoreConnection;
  readonly #statements = new Map<string, PreparedStatement>();
  readonly #writers = Array.from({ length: PIPELINED }, () => new ParameterWriter());

  constructor(connection: CoreConnection) {
    this.#connection = connection;
  }

  prepared(sql: string): PreparedStatement | undefined {
    return this.#statements.get(sql);
  }

  /**
   * The driver keeps the statements that were prepared last, and closes others to make room. It is asked each time, so
   * that it knows what is in use; for one that it has, it sends nothing.
   */
  async prepare(sql: string): Promise<void> {
    const prepared = await new Promise<DriverStatement>((resolve, reject) => {
      this.#connection.prepare(sql, (error, statement) =>
        error === null ? resolve(statement) : reject(error),
      );
    });
    const { id } = prepared;
    if (this.#statements.get(sql)?.id === id) return;
    this.#statements.set(sql, { id, knowsTypes: false });
    const close = prepared.close.bind(prepared);
    prepared.close = () => {
      if (this.#statements.get(sql)?.id === id) this.#statements.delete(sql);
      return close();
    };
  }

  /** Sends executions until there is no next one; resolves with the number of affected rows of all. */
  execute(next: NextExecution): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#connection.addCommand(
        new Executions(this.#writers, next, (error, rows) =>
          error === null ? resolve(rows) : reject(error),
        ),
      );
    });
  }
}

/** One turn in the driver's queue: packets out, as many answers in. */
class Executions extends EventEmitter {
  readonly #writers: readonly ParameterWriter[];
  readonly #next: NextExecution;
  /** The driver calls it with an error if the connection breaks before the last answer. */
  readonly onResult: (error: Error | null, affectedRows: number) => void;
  #sent = 0;
  #answered = 0;
  #affectedRows = 0;
  #error: Error | null = null;

  constructor(
    writers: readonly ParameterWriter[],
    next: NextExecution,
    onResult: (error: Error | null, affectedRows: number) => void,
  ) {
    super();
    this.#writers = writers;
    this.#next = next;
    this.onResult = onResult;
  }

  /** Called first without a packet, then with each answer; true ends the turn. */
  execute(answer: AnswerPacket | null | undefined, connection: CoreConnection): boolean {
    if (answer !== null && answer !== undefined) this.#take(answer, connection);
    try {
      while (this.#error === null && this.#sent - this.#answered < PIPELINED && this.#send(connection));
    } catch (error) {
      this.#error = error as Error;
    }
    if (this.#sent > this.#answered) return false;
    this.onResult(this.#error, this.#affectedRows);
    this.emit('end');
    return true;
  }

  #take(answer: AnswerPacket, connection: CoreConnection): void {
    this.#answered++;
    if (answer.isError()) this.#error ??= answer.asError(connection.clientEncoding);
    else {
      answer.readInt8(); // OK
      this.#affectedRows += answer.readLengthCodedNumber();
    }
    // The next answer is the first of its own exchange.
    connection._resetSequenceId();
    connection._bumpSequenceId(1);
  }

  #send(connection: CoreConnection): boolean {
    // Its last packet has been answered, so nobody needs these bytes any more.
    const writer = this.#writers[this.#sent % PIPELINED] as ParameterWriter;
    const statement = this.#next(writer);
    if (statement === null) return false;
    const buffer = writer.packet();
    connection._resetSequenceId();
    connection.writePacket({
      buffer,
      length: () => buffer.length,
      writeHeader(sequenceId) {
        buffer.writeUIntLE(buffer.length - 4, 0, 3);
        buffer[3] = sequenceId;
      },
    });
    statement.knowsTypes = true;
    this.#sent++;
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
