/** Reads pages as a person does: by roles, names and visible texts. */
import type { Locator, Page } from 'playwright-core';

interface Cell {
  readonly innerText: string;
}
interface TableElement {
  readonly rows: Iterable<{ readonly cells: Iterable<Cell>; getAttribute(name: string): string | null }>;
}

/** The cells of some columns of a table, by rows; null if there is no such table. Columns have the names of their heads. */
export async function cellsOf(
  within: Page | Locator,
  name: string,
  columns: readonly string[],
): Promise<string[][] | null> {
  const table = within.getByRole('table', { name, exact: true });
  if ((await table.count()) === 0) return null;
  const texts = await table.evaluate((element: TableElement) =>
    [...element.rows]
      .filter((row) => row.getAttribute('aria-hidden') !== 'true')
      // biome-ignore lint/performance/useDomNodeTextContent: only what is visible counts
      .map((row) => [...row.cells].map(({ innerText }) => innerText)),
  );
  const [head = [], ...rows] = texts.map((cells) => cells.map(oneLine));
  return rows.map((cells) =>
    columns.map((column) => cells[head.indexOf(column)] ?? `there is no column "${column}"`),
  );
}

/** The cells of one column. */
export async function columnOf(
  within: Page | Locator,
  table: string,
  column: string,
): Promise<string[] | null> {
  return (await cellsOf(within, table, [column]))?.map(([cell = '']) => cell) ?? null;
}

/** The visible text in one line. */
export async function textOf(locator: Locator): Promise<string> {
  return oneLine((await locator.allInnerTexts()).join(' '));
}

export async function textsOf(locator: Locator): Promise<string[]> {
  return (await locator.allInnerTexts()).map(oneLine);
}

/** Tells of each text whether the whole says it. */
export function saying(whole: string, texts: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(texts.map((text) => [text, whole.includes(text)]));
}

/** What `saying` answers if all of it is said. */
export function all(texts: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(texts.map((text) => [text, true]));
}

/** The text without the sign of a badge, which only repeats its colour. */
function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/^[✓✕!•·] /, '');
}

/** The query of the page's address. */
export function queryOf(page: Page): Record<string, string> {
  return Object.fromEntries(new URL(page.url()).searchParams);
}
