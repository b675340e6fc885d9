import { describe, expect, it } from 'vitest';
import { chunksOf, marks, RowsStatement } from '../../../src/adapters/mysql/rows-statement.ts';
import { DriverDouble } from './driver-double.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

function statementOf(bytesOf: (item: number) => number = () => 0): RowsStatement<number> {
  return new RowsStatement<number>({
    before: 'INSERT INTO t (id, fill) VALUES',
    row: '(?,?)',
    columns: ['integer', 'bytes'],
    write(writer, item) {
      writer.integer(item);
      writer.bytes(Buffer.alloc(bytesOf(item)));
    },
  });
}

/** The ids that the server got, in the sequence in which it got them. */
function idsOf(driver: DriverDouble): number[] {
  return driver.executions.flatMap(({ parameters }) =>
    parameters.filter((_, index) => index % 2 === 0).map(Number),
  );
}

describe('a statement over many rows', () => {
  it.each([0, 1, 3, 4, 5, 31, 511, 512, 513, 1_100, 5_000])(
    '%i rows are sent once each, in sequence',
    async (count) => {
      const driver = new DriverDouble();
      const affected = await statementOf().run(driver.connection, numbers(count));
      expect(idsOf(driver)).toEqual(numbers(count));
      expect(affected).toBe(driver.executions.length);
      expect(driver.preparedTexts.length).toBeLessThanOrEqual(8);
    },
  );

  it('no execution is larger than a megabyte, except one of a single row', async () => {
    const driver = new DriverDouble();
    const bytesOf = (item: number) => [10, 1_100_000, 70_000, 500_000][item % 4] as number;
    await statementOf(bytesOf).run(driver.connection, numbers(24));
    expect(idsOf(driver)).toEqual(numbers(24));
    for (const { byteLength, parameters } of driver.executions)
      if (parameters.length > 2) expect(byteLength).toBeLessThanOrEqual(1024 * 1024);
  });

  it('several executions are under way at once, up to three', async () => {
    const driver = new DriverDouble();
    await statementOf().run(driver.connection, numbers(512 * 20));
    expect(driver.mostUnanswered).toBe(3);
  });

  it('the first error is the one that is thrown, and nothing is sent behind it', async () => {
    const driver = new DriverDouble();
    driver.refuse = ({ parameters }) => {
      const id = Number(parameters[0]);
      return id < 1_024 ? null : new Error(`refused from ${id}`);
    };
    const sent = statementOf().run(driver.connection, numbers(512 * 20));
    await expect(sent).rejects.toThrow('refused from 1024');
    // Two more were under way when the third one was answered.
    expect(driver.executions).toHaveLength(5);
  });

  it('a statement that the driver has closed is prepared again', async () => {
    const driver = new DriverDouble();
    const statement = statementOf();
    await statement.run(driver.connection, numbers(1));
    driver.close();
    await statement.run(driver.connection, numbers(2));
    expect(idsOf(driver)).toEqual([0, 0, 1]);
  });
});

describe('a list that is cut into chunks', () => {
  it.each([0, 1, 2, 3, 5, 511, 512, 513, 700, 1_500])(
    '%i items are all there, in lists of few lengths',
    (count) => {
      const chunks = [...chunksOf(numbers(count))];
      expect([...new Set(chunks.flat())]).toEqual(numbers(count));
      for (const chunk of chunks) {
        expect(Math.log2(chunk.length) % 1).toBe(0);
        expect(chunk.length).toBeLessThanOrEqual(512);
        // Whatever fills a list up stands in the same list already.
        expect(new Set(chunk).size).toBeGreaterThan(chunk.length / 2);
      }
      expect(chunks.reduce((sum, chunk) => sum + new Set(chunk).size, 0)).toBe(count);
    },
  );
});

describe('the executions of a statement', () => {
  const rowsOf = ({ sql }: { readonly sql: string }) => sql.split('(?,?)').length - 1;

  it('the rows are cut into the largest sizes that fit', async () => {
    const driver = new DriverDouble();
    driver.affectedRows = 3;
    expect(await statementOf().run(driver.connection, numbers(1_101))).toBe(3 * 5);
    expect(driver.executions.map(rowsOf)).toEqual([512, 512, 64, 8, 5]);
    await statementOf().run(driver.connection, numbers(496));
    expect(driver.executions.slice(5).map(rowsOf)).toEqual([256, 128, 64, 32, 16]);
  });

  it('a text has its rows between what stands before and behind them, with parameters in all three', async () => {
    const driver = new DriverDouble();
    const statement = new RowsStatement<number>({
      before: 'UPDATE t, (SELECT ? AS a',
      row: 'UNION SELECT ?',
      after: ') AS n SET t.a = ?',
      head: ['integer'],
      columns: ['integer'],
      tail: ['text'],
      write: (writer, item) => writer.integer(item),
    });
    await statement.run(
      driver.connection,
      [7, 8, 9, 10],
      (writer) => writer.text('behind'),
      (writer) => writer.integer(1),
    );
    expect(driver.executions).toMatchObject([
      {
        sql: 'UPDATE t, (SELECT ? AS a UNION SELECT ?,UNION SELECT ?,UNION SELECT ?,UNION SELECT ? ) AS n SET t.a = ?',
        parameters: [1n, 7n, 8n, 9n, 10n, Buffer.from('behind')],
      },
    ]);
    const plain = new DriverDouble();
    await statementOf().run(plain.connection, [5]);
    expect(plain.executions[0]?.sql).toBe('INSERT INTO t (id, fill) VALUES (?,?) ');
  });

  it('the types of the parameters are sent once for each prepared statement', async () => {
    const driver = new DriverDouble();
    const statement = statementOf();
    await statement.run(driver.connection, [1]);
    await statement.run(driver.connection, [2]);
    driver.close();
    await statement.run(driver.connection, [3]);
    const [first, second, third] = driver.executions.map(({ byteLength }) => byteLength);
    expect(second).toBe((first ?? 0) - 4);
    expect(third).toBe(first);
  });

  it('a packet begins with its length and its number', async () => {
    const driver = new DriverDouble();
    const headers: [number, number, number, number][] = [];
    type Packet = { buffer: Buffer; length(): number; writeHeader(sequenceId: number): void };
    const write = driver.writePacket.bind(driver);
    driver.writePacket = (packet) => {
      const { buffer, length, writeHeader } = packet as Packet;
      writeHeader(5);
      headers.push([buffer.readUIntLE(0, 3), buffer[3] as number, length(), buffer.length]);
      write(packet);
    };
    await statementOf(() => 70_000).run(driver.connection, [1]);
    const [[bytes, number, length, size] = []] = headers;
    expect([bytes, number, length]).toEqual([(size ?? 0) - 4, 5, size]);
    expect(size).toBeGreaterThan(70_000);
  });

  it('a statement that the server refuses to prepare fails, and so does a row that cannot be written', async () => {
    const driver = new DriverDouble();
    const prepare = driver.prepare.bind(driver);
    driver.prepare = (_sql, done) =>
      queueMicrotask(() => done(new Error('no such table') as unknown as null, {} as never));
    await expect(statementOf().run(driver.connection, [1])).rejects.toThrow('no such table');
    driver.prepare = prepare;
    const failing = statementOf((item) => {
      if (item === 1_100) throw new Error('it has no bytes');
      return 0;
    });
    await expect(failing.run(driver.connection, numbers(2_000))).rejects.toThrow('it has no bytes');
    expect(driver.executions.map(rowsOf)).toEqual([512, 512]);
    expect(await statementOf().run(driver.connection, [1])).toBe(1);
  });

  it('two connections have statements of their own', async () => {
    const [one, other] = [new DriverDouble(), new DriverDouble()];
    const statement = statementOf();
    await statement.run(one.connection, [1]);
    await statement.run(other.connection, [2]);
    await statement.run(one.connection, [3]);
    expect([idsOf(one), idsOf(other)]).toEqual([[1, 3], [2]]);
  });
});

describe('the memory of a connection for its statements', () => {
  /** The statement that the driver gave last, and the sizes of the texts that it was asked for. */
  function watched(driver: DriverDouble) {
    const asked: number[] = [];
    const given: { id: number; close: () => unknown; parameters?: readonly unknown[] }[] = [];
    const prepare = driver.prepare.bind(driver);
    driver.prepare = (sql, done) => {
      asked.push(sql.split('(?,?)').length - 1);
      prepare(sql, (error, statement) => {
        given.push(statement);
        done(error, statement);
      });
    };
    return { asked, given };
  }

  it('all texts that the rows need are prepared in one turn', async () => {
    const driver = new DriverDouble();
    const { asked } = watched(driver);
    const running = statementOf().run(driver.connection, numbers(1_101));
    expect(asked).toEqual([512, 64, 8, 5]);
    await running;
  });

  it('a row that is large has smaller texts prepared as they are needed, and no other', async () => {
    const driver = new DriverDouble();
    const { asked } = watched(driver);
    await statementOf((item) => (item === 0 ? 2_000_000 : 0)).run(driver.connection, numbers(3));
    expect(driver.executions.map(({ parameters }) => parameters.length / 2)).toEqual([1, 2]);
    expect([...new Set(asked)]).toEqual([3, 2, 1]);
  });

  it.each([
    [7, [7, 1, 2]],
    [8, [8, 1, 1]],
  ])('a large row at the place %i has no text prepared for more rows than are left', async (place, rows) => {
    const driver = new DriverDouble();
    const { asked } = watched(driver);
    await statementOf((item) => (item === place ? 2_000_000 : 0)).run(driver.connection, numbers(10));
    expect(driver.executions.map(({ parameters }) => parameters.length / 2)).toEqual(rows);
    expect(Math.max(...asked)).toBe(8);
  });

  it('the types are sent once, however often the driver is asked for the statement', async () => {
    const driver = new DriverDouble();
    const statement = statementOf();
    for (const item of [1, 2, 3, 4]) await statement.run(driver.connection, [item]);
    const [first = 0, ...others] = driver.executions.map(({ byteLength }) => byteLength);
    expect(others).toEqual([first - 4, first - 4, first - 4]);
  });

  it('what the server says of each parameter is let go of', async () => {
    const driver = new DriverDouble();
    const { given } = watched(driver);
    await statementOf().run(driver.connection, [1]);
    expect(given.map(({ parameters }) => parameters)).toEqual([[], []]);
  });

  it('a statement that is closed late leaves the newer one of its text alone', async () => {
    const driver = new DriverDouble();
    const { given } = watched(driver);
    const statement = statementOf();
    await statement.run(driver.connection, [1]);
    const old = given[0];
    expect([old?.close(), old?.close()]).toEqual([true, false]);
    await statement.run(driver.connection, [2]);
    old?.close();
    await statement.run(driver.connection, [3]);
    const [first = 0, second, third] = driver.executions.map(({ byteLength }) => byteLength);
    expect([second, third]).toEqual([first, first - 4]);
  });
});

describe('one turn of executions', () => {
  it('the driver may begin it with undefined, and learns of its end', async () => {
    const driver = new DriverDouble();
    let ends = 0;
    const addCommand = driver.addCommand.bind(driver);
    driver.addCommand = (command) => {
      command.on('end', () => ends++);
      const execute = command.execute.bind(command);
      command.execute = (answer, connection) => execute(answer ?? undefined, connection);
      addCommand(command);
    };
    expect(await statementOf().run(driver.connection, numbers(3))).toBe(1);
    expect(ends).toBe(2);
  });

  it('nothing more is sent in it after an error, although rows are left', async () => {
    const driver = new DriverDouble();
    driver.refuse = () => new Error('no');
    const commands: { hasMoreToSend?: boolean }[] = [];
    const before: (boolean | undefined)[] = [];
    const addCommand = driver.addCommand.bind(driver);
    driver.addCommand = (command) => {
      const turn: { hasMoreToSend?: boolean } & typeof command = command;
      commands.push(turn);
      before.push(turn.hasMoreToSend);
      addCommand(command);
    };
    await expect(statementOf().run(driver.connection, numbers(512 * 20))).rejects.toThrow('no');
    expect(before).toEqual([true, true]);
    expect(commands.map(({ hasMoreToSend }) => hasMoreToSend)).toEqual([false, false]);
  });

  it('a row may fill a megabyte with others, and no byte more', async () => {
    const rowsWith = async (bytes: number) => {
      const driver = new DriverDouble();
      const statement = statementOf((item) => (item === 0 ? bytes : 0));
      await statement.run(driver.connection, [9, 8]);
      await statement.run(driver.connection, [0, 1]);
      const last = driver.executions.slice(1);
      return last.map(({ parameters, byteLength }) => [parameters.length / 2, byteLength]);
    };
    const [[, small = 0] = []] = await rowsWith(70_000);
    const most = 1024 * 1024 - small + 70_000;
    expect(await rowsWith(most)).toEqual([[2, 1024 * 1024]]);
    expect((await rowsWith(most + 1)).map(([rows]) => rows)).toEqual([1, 1]);
  });

  it('only a packet over 32 KiB leaves at once', async () => {
    const sentAtOnce = async (bytes: number) => {
      const driver = new DriverDouble();
      const statement = statementOf(() => bytes);
      let uncorked = 0;
      driver.stream.uncork = () => uncorked++;
      await statement.run(driver.connection, [1]);
      return [driver.executions[0]?.byteLength, uncorked];
    };
    const [length = 0] = await sentAtOnce(1_000);
    const most = 32 * 1024 - length + 1_000;
    expect(await sentAtOnce(most)).toEqual([32 * 1024, 0]);
    expect(await sentAtOnce(most + 1)).toEqual([32 * 1024 + 1, 1]);
  });
});

describe('a list of marks', () => {
  it('the marks stand between commas, and a chunk is filled up with its last item', () => {
    expect([marks(1), marks(3)]).toEqual(['?', '?,?,?']);
    expect([...chunksOf(['a', 'b', 'c'])]).toEqual([['a', 'b', 'c', 'c']]);
    expect([...chunksOf(['a', 'b'])]).toEqual([['a', 'b']]);
  });
});
