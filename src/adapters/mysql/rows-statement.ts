import { EventEmitter } from 'node:events';
import type { PoolConnection } from 'mysql2/promise';
import { HELD_BYTES } from './command-train.ts';
import { type ColumnType, ParameterWriter } from './parameter-writer.ts';

export interface RowsStatementText<Item> {
  /**
   * The text is `before` `row`, `row`, ... `after`, such as `INSERT INTO t VALUES`, `(?,?)`, `ON DUPLICATE KEY UPDATE
   * ...`.
   */
  readonly before: string;
  readonly row: string;
  readonly after?: string;
  /** The types of the parameters of `before`. */
  readonly head?: readonly ColumnType[];
  /** The types of the parameters of a row. */
  readonly columns: readonly ColumnType[];
  /** Writes the parameters of a row. */
  readonly write: (writer: ParameterWriter, item: Item) => void;
  /** The types of the parameters of `after`. */
  readonly tail?: readonly ColumnType[];
}

/** The numbers of rows for which a text is prepared: few texts, and no more than one execution for a few rows. */
const SIZES = [512, 256, 128, 64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1] as const;
/**
 * The most bytes of one execution, far below the smallest default of max_allowed_packet (4 MiB). A larger row goes
 * alone.
 */
const MAX_BYTES = 1024 * 1024;

/** The sizes of the executions for `count` rows of which none is large. */
function sizesOf(count: number): number[] {
  let left = count;
  return SIZES.filter((size) => {
    const isUsed = size <= left;
    left %= size;
    return isUsed;
  });
}

/** The executions of one statement that are under way at once, so that the server has work while we write the next. */
const PIPELINED = 3;

/**
 * A statement over many rows. It is sent as prepared statements of 512, 256, 128, 64, 32, 16 and 8 to 1 rows: the server has at
 * most fourteen texts to prepare, and gets no packet that it would refuse.
 *
 * The next executions are sent before the first ones are answered. If one fails, the server may have carried out those
 * behind it, so it may only run in a transaction that is then rolled back (`inTransaction`).
 */
export class RowsStatement<Item> {
  readonly #text: RowsStatementText<Item>;
  readonly #bySize = new Map<number, { sql: string; types: readonly ColumnType[] }>();

  constructor(text: RowsStatementText<Item>) {
    this.#text = text;
  }

  /**
   * Runs the statement over all items. Resolves with the sum of the affected rows. `writeTail` writes the parameters of
   * `after`, and `writeHead` those of `before`.
   */
  async run(
    connection: PoolConnection,
    items: readonly Item[],
    writeTail: (writer: ParameterWriter) => void = () => {},
    writeHead: (writer: ParameterWriter) => void = () => {},
  ): Promise<number> {
    if (items.length === 0) return 0;
    const session = sessionOf(connection);
    let affected = 0;
    let from = 0;
    // Writes the next packet. Gives null if all items are written, or if a text has to be prepared first.
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
    // The commands of the first turn are given at once, so that they keep their place among other statements.
    let sizes = sizesOf(items.length);
    while (from < items.length) {
      const preparing = Promise.all(sizes.map((size) => session.prepare(this.#of(size).sql)));
      const [affectedNow] = await Promise.all([session.execute(next), preparing]);
      affected += affectedNow;
      // A large row makes a smaller size necessary.
      const fitting = SIZES.filter((size) => size <= items.length - from);
      const missing = fitting.find((size) => session.prepared(this.#of(size).sql) === undefined);
      sizes = [missing ?? fitting[0] ?? 1];
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
 * What we use of the driver's own connection, beyond its types: a command takes its turn in the queue, sends packets of
 * its own, and gets the answers. The contract suites of the store would show a driver that has changed here.
 */
interface CoreConnection {
  readonly stream: { uncork(): void };
  readonly clientEncoding: string;
  prepare(sql: string, done: (error: Error | null, statement: DriverStatement) => void): void;
  addCommand(command: EventEmitter): void;
  writePacket(packet: { buffer: Buffer; length(): number; writeHeader(sequenceId: number): void }): void;
  _resetSequenceId(): void;
  _bumpSequenceId(packets: number): void;
}

interface DriverStatement {
  readonly id: number;
  /** What the server says of each parameter. Only the driver's own executions could use it. */
  parameters: readonly unknown[];
  /** The driver calls it when it makes room for another statement. */
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
  /** Whether the server has the parameters' types, which it keeps from the first execution on. */
  knowsTypes: boolean;
}

/** Writes the next execution and gives its statement; null if there is none. */
type NextExecution = (writer: ParameterWriter) => PreparedStatement | null;

/** The prepared statements of one connection, and the memory for the packets of its executions. */
class Session {
  readonly #connection: CoreConnection;
  readonly #statements = new Map<string, PreparedStatement>();
  /** The writers whose packets have been answered. */
  readonly #writers: ParameterWriter[] = [];

  constructor(connection: CoreConnection) {
    this.#connection = connection;
  }

  prepared(sql: string): PreparedStatement | undefined {
    return this.#statements.get(sql);
  }

  /**
   * Prepares the statement unless it is prepared. The driver keeps the statements that were used last and closes
   * others. It is asked each time, so that it knows which are in use; it sends nothing for a statement that it has.
   */
  prepare(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.prepare(sql, (error, statement) => {
        if (error !== null) {
          reject(error);
          return;
        }
        this.#keep(sql, statement);
        resolve();
      });
    });
  }

  #keep(sql: string, prepared: DriverStatement): void {
    const { id } = prepared;
    // An object for each of thousands of parameters would stay in memory as long as the statement does.
    prepared.parameters = [];
    if (this.#statements.get(sql)?.id === id) return;
    this.#statements.set(sql, { id, knowsTypes: false });
    const close = prepared.close.bind(prepared);
    prepared.close = () => {
      if (this.#statements.get(sql)?.id === id) this.#statements.delete(sql);
      return close();
    };
  }

  /** Sends executions until there is no next one. Resolves with the number of affected rows. */
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

/** One turn in the driver's queue, with several packets out and as many answers in. */
class Executions extends EventEmitter {
  /** The writers of the session that are free. */
  readonly #writers: ParameterWriter[];
  /** The writers of the packets that are not answered yet. */
  readonly #used: ParameterWriter[] = [];
  readonly #next: NextExecution;
  /** The driver calls it with an error if the connection breaks before the last answer. */
  readonly onResult: (error: Error | null, affectedRows: number) => void;
  /** Whether there are packets to send once some are answered. */
  hasMoreToSend = true;
  #affectedRows = 0;
  #error: Error | null = null;

  constructor(
    writers: ParameterWriter[],
    next: NextExecution,
    onResult: (error: Error | null, affectedRows: number) => void,
  ) {
    super();
    this.#writers = writers;
    this.#next = next;
    this.onResult = onResult;
  }

  /** The driver calls it first without a packet, then with each answer. Answers true when the turn is over. */
  execute(answer: AnswerPacket | null | undefined, connection: CoreConnection): boolean {
    if (answer !== null && answer !== undefined) this.#take(answer, connection);
    try {
      while (this.#error === null && this.hasMoreToSend && this.#used.length < PIPELINED)
        this.hasMoreToSend = this.#send(connection);
    } catch (error) {
      this.#error = error as Error;
    }
    if (this.#error !== null) this.hasMoreToSend = false;
    if (this.#used.length > 0) return false;
    this.onResult(this.#error, this.#affectedRows);
    this.emit('end');
    return true;
  }

  #take(answer: AnswerPacket, connection: CoreConnection): void {
    // The packet has been answered, so its bytes can be overwritten.
    this.#writers.push(this.#used.shift() as ParameterWriter);
    if (answer.isError()) this.#error ??= answer.asError(connection.clientEncoding);
    else {
      answer.readInt8(); // OK
      this.#affectedRows += answer.readLengthCodedNumber();
    }
    // The packets of each answer are numbered from 1.
    connection._resetSequenceId();
    connection._bumpSequenceId(1);
  }

  #send(connection: CoreConnection): boolean {
    const writer = this.#writers.pop() ?? new ParameterWriter();
    const statement = this.#next(writer);
    if (statement === null) {
      this.#writers.push(writer);
      return false;
    }
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
    // The server works on a large packet while the next one is written.
    if (buffer.length > HELD_BYTES) connection.stream.uncork();
    this.#used.push(writer);
    statement.knowsTypes = true;
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

/** The question marks for a list of `count` values. */
export function marks(count: number): string {
  return new Array(count).fill('?').join(',');
}

/** The most ids in one statement. From 1,000 on MariaDB would turn the list into a subquery. */
const LIST_CHUNK = 512;

/**
 * Cuts a list into chunks. Fills the last chunk up with its own last item to a power of two, so that few texts are
 * prepared.
 */
export function* chunksOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let from = 0; from < items.length; from += LIST_CHUNK) {
    const chunk = items.slice(from, from + LIST_CHUNK);
    const size = 2 ** Math.ceil(Math.log2(chunk.length));
    while (chunk.length < size) chunk.push(chunk.at(-1) as Item);
    yield chunk;
  }
}
