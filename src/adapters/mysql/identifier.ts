/**
 * Quotes the name of a table or a column. Names come from a domain's definition or from the catalog, never from data.
 */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
