import type { CSSProperties, ReactNode } from 'react';

export interface TableColumn<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the end of their cell. */
  readonly isNumber?: boolean;
  /** Sentences stand in the cell, so it does not become narrow. */
  readonly isWide?: boolean;
  /** The cell names its row. */
  readonly isName?: boolean;
  /** The column's part of the width of a long table, as a number of characters. By default the header or the kind decides. */
  readonly width?: number;
}

/** The width of a column of moments, as in `19:01:13 · 22 s ago`. */
export const TIME_IN_ONE_LINE = 21;
/** The width of such a column where the distance from now stands in a line of its own. */
export const TIME_IN_TWO_LINES = 12;
const NAME_WIDTH = 22;
const WIDE_WIDTH = 28;
const LEAST_WIDTH = 8;
/** The empty space at both sides of a cell is as wide as this number of characters. */
const PADDING_WIDTH = 3.5;
/** The letters of ids are wider than those of texts. */
const ID_CHARACTER = 1.1;
/** Below this width of a character the table scrolls sideways. */
const CHARACTER_PX = 6.6;
const CHOICE_PX = 44;

/**
 * The widths of a long table's columns, as custom properties for its style sheet. They depend on the columns alone. So the
 * browser lays out each row by itself, and no column moves when other rows come into sight.
 */
export function widthsOf(columns: readonly TableColumn<never>[], hasChoice: boolean): CSSProperties {
  const widths = columns.map((column) => widthOf(column) + PADDING_WIDTH);
  const tracks = widths.map((width) => `minmax(0, ${width}fr)`);
  const leastPx = widths.reduce((sum, width) => sum + width * CHARACTER_PX, hasChoice ? CHOICE_PX : 0);
  return {
    '--columns': [...(hasChoice ? [`${CHOICE_PX}px`] : []), ...tracks].join(' '),
    '--least-width': `${Math.ceil(leastPx)}px`,
  } as CSSProperties;
}

function widthOf({ width, header, isName, isWide }: TableColumn<never>): number {
  if (width !== undefined) return width;
  if (isName === true) return NAME_WIDTH;
  return isWide === true ? WIDE_WIDTH : Math.max(LEAST_WIDTH, header.length);
}

/** The width of a column in which each of these ids stands in one line, but at most `most`. A longer id has several lines. */
export function widthOfIds(ids: readonly string[], most: number): number {
  const longest = Math.max(NAME_WIDTH, ...ids.map(({ length }) => Math.ceil(length * ID_CHARACTER)));
  return Math.min(most, longest);
}

export function classOfColumn({ isNumber, isWide }: TableColumn<never>): string | undefined {
  if (isNumber === true) return 'cell-number';
  return isWide === true ? 'cell-wide' : undefined;
}
