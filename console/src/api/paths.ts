/** The values of a query. A value that is null, undefined, false or empty is left out; a list gives its name several times. */
export type QueryValues = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>;

/** The path with the query behind it. */
export function pathOf(path: string, query: QueryValues = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === false || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  const search = parameters.toString();
  return search === '' ? path : `${path}?${search}`;
}

/** The path of an order in the API. */
export const orderPath = (id: string): string => `/api/v1/orders/${encodeURIComponent(id)}`;

/** The address of an order's page. */
export const orderHref = (id: string): string => `/orders/${encodeURIComponent(id)}`;

/** A query with some names changed. null or an empty text takes a name away, a list gives it several times. */
export function changedQuery(
  parameters: URLSearchParams,
  changes: Readonly<Record<string, string | readonly string[] | null>>,
): URLSearchParams {
  const next = new URLSearchParams(parameters.toString());
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) next.append(name, String(one));
  }
  return next;
}
