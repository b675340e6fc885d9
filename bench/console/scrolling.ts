/** Scrolls through the list of orders in Chromium, and notes the tasks that keep the page from answering. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBrowser, WIDE } from '../../test/checks/console/browser.ts';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { startServices } from '../../test/services/index.ts';

/** What the functions that run in the page use of it. */
declare class PerformanceObserver {
  constructor(seen: (list: { getEntries(): readonly { readonly duration: number }[] }) => void);
  observe(options: { readonly entryTypes: readonly string[] }): void;
}
declare const window: { longTasks?: number[] };

/** Two notches of a wheel, twenty times a second: four screens in a second. */
const WHEEL_PIXELS = 200;
const BETWEEN_TURNS_MS = 50;

export interface Scrolled {
  /** The rows that were loaded at the end. */
  readonly rows: number;
  /** The lengths of the tasks over 50 ms, in milliseconds. */
  readonly longTasks: readonly number[];
}

/** Scrolls down the list for some seconds, faster than anybody reads. */
export async function scrollOrders(check: RunningCheck, url: string, seconds: number): Promise<Scrolled> {
  const services = await startServices({ chromium: true });
  check.defer(() => services.stop());
  const browser = await startBrowser(check, services.chromium.path);
  const page = await browser.newPage({ viewport: WIDE });
  await page.goto(`${url}/orders`);
  const table = page.getByRole('table');
  await table.getByRole('row').nth(20).waitFor();
  // What happens while the page loads is no scrolling.
  await sleep(2_000);
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longTasks?.push(Math.round(duration));
    }).observe({ entryTypes: ['longtask'] });
  });
  await table.hover({ position: { x: 300, y: 300 } });
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    await page.mouse.wheel(0, WHEEL_PIXELS);
    await sleep(BETWEEN_TURNS_MS, undefined, { signal: check.signal });
  }
  const longTasks = await page.evaluate(() => window.longTasks ?? []);
  const words = await page
    .getByText(/orders loaded/)
    .first()
    .textContent();
  await browser.close();
  return { rows: Number(/[\d,]+/.exec(words ?? '')?.[0].replaceAll(',', '') ?? 0), longTasks };
}
