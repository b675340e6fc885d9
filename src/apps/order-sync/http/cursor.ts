/** The two parts of the place of a row, such as a target and an entity id. */
export type Place = readonly [first: string, second: string];

/** The place as the cursor of a page: base64url of its JSON. To clients it is opaque. */
export function cursorOf(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The place of a cursor, or null for a text that `cursorOf` never made. */
export function placeOf(cursor: string): Place | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [first, second]: readonly unknown[] = Array.isArray(parts) && parts.length === 2 ? parts : [];
    return typeof first === 'string' && typeof second === 'string' ? [first, second] : null;
  } catch {
    // It is no JSON.
    return null;
  }
}

/** The cursor of the page after this one. `rows` holds one row more than `limit` if there is such a page; else null. */
export function nextCursor<Row>(
  rows: readonly Row[],
  limit: number,
  placeOfRow: (row: Row) => Place,
): string | null {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return last === undefined ? null : cursorOf(placeOfRow(last));
}
