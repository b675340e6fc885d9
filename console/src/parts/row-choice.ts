/** Which rows of a table are chosen. */
export interface RowChoice<Row> {
  /** The ids of the chosen rows. They may be rows that are not loaded any more. */
  readonly ids: ReadonlySet<string>;
  readonly onChange: (ids: ReadonlySet<string>) => void;
  /** Without it every row may be chosen. */
  readonly mayChoose?: (row: Row) => boolean;
}

/** The choice with or without these rows. */
export function withRows(
  chosen: ReadonlySet<string>,
  ids: readonly string[],
  isChosen: boolean,
): ReadonlySet<string> {
  const next = new Set(chosen);
  for (const id of ids)
    if (isChosen) next.add(id);
    else next.delete(id);
  return next;
}

/** The ids of the rows that may be chosen. */
export function choosableIds<Row>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  mayChoose: (row: Row) => boolean = () => true,
): readonly string[] {
  return rows.filter(mayChoose).map(idOf);
}

/** Whether all of these are chosen, and there are some. */
export function areAllChosen(chosen: ReadonlySet<string>, ids: readonly string[]): boolean {
  return ids.length > 0 && ids.every((id) => chosen.has(id));
}
