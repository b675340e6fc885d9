import type { RunningCheck } from '../lib/command.ts';
import { adopt } from './command.ts';
import type { Place } from './place.ts';
import type { DatabaseKind } from './table-case.ts';

const DIGITS =
  '(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)';

/** Times the takeover of each size, and compares its time per row with that of the smallest size. */
export async function timeSizes(
  check: RunningCheck,
  database: DatabaseKind,
  makePlace: () => Promise<Place>,
  folder: string,
): Promise<Record<string, number>> {
  const sizes = check
    .text('sizes')
    .split(',')
    .map(Number)
    .filter((size) => size > 0);
  const figures: Record<string, number> = {};
  let smallest: number | null = null;
  for (const size of sizes) {
    const place = await makePlace();
    try {
      await place.run(
        'CREATE TABLE orders (order_id VARCHAR(255) PRIMARY KEY, order_status VARCHAR(50), payment_status VARCHAR(50), review_status VARCHAR(50), ready_to_send BOOLEAN DEFAULT FALSE)',
      );
      const number = 'a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d';
      const id = database === 'sqlite' ? `'order-' || (${number})` : `CONCAT('order-', ${number})`;
      await place.run(
        `INSERT INTO orders SELECT ${id}, 'CREATED', 'PAYMENT_AUTHORIZED', NULL, a.d % 2 FROM ${DIGITS} a, ${DIGITS} b, ${DIGITS} c, ${DIGITS} e, ${DIGITS} f, ${DIGITS} g WHERE ${number} < ${size}`,
      );
      const startedAt = performance.now();
      const answer = await adopt(place, folder, []);
      const seconds = (performance.now() - startedAt) / 1_000;
      const [row] = await place.ask(
        "SELECT (SELECT COUNT(*) FROM orders) AS view_rows, (SELECT COUNT(*) FROM deliveries WHERE status = 'delivered') AS sent",
      );
      if (answer.verdict !== 'take' || Number(row?.view_rows) !== size || Number(row?.sent) !== size / 2)
        throw new Error(`${size} rows on ${database}: ${answer.said}`);
      figures[`${database}_${size}_seconds`] = Math.round(seconds * 10) / 10;
      figures[`${database}_${size}_rows_per_second`] = Math.round(size / seconds);
      smallest ??= seconds / size;
      figures[`proportion_${database}_${size}`] = Math.round((seconds / size / smallest) * 100) / 100;
      check.progress(`${database}: ${size} rows in ${seconds.toFixed(1)} s`);
    } finally {
      await place.drop();
    }
  }
  return figures;
}
