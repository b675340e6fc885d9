import { describe, expect, it } from 'vitest';
import { chunksOf, RowsStatement } from '../../../src/adapters/mysql/rows-statement.ts';
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
    const bytesOf = (item: number) => [10, 3_000_000, 70_000, 500_000][item % 4] as number;
    await statementOf(bytesOf).run(driver.connection, numbers(90));
    expect(idsOf(driver)).toEqual(numbers(90));
    for (const { byteLength, parameters } of driver.executions)
      if (parameters.length > 2) expect(byteLength).toBeLessThanOrEqual(1024 * 1024);
  });

  it('several executions are under way at once, up to eight', async () => {
    const driver = new DriverDouble();
    await statementOf().run(driver.connection, numbers(512 * 20));
    expect(driver.mostUnanswered).toBe(8);
  });

  it('the first error is the one that is thrown, and nothing is sent behind it', async () => {
    const driver = new DriverDouble();
    driver.refuse = ({ parameters }) => {
      const id = Number(parameters[0]);
      return id < 1_024 ? null : new Error(`refused from ${id}`);
    };
    const sent = statementOf().run(driver.connection, numbers(512 * 20));
    await expect(sent).rejects.toThrow('refused from 1024');
    expect(driver.executions.length).toBeLessThan(12);
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
