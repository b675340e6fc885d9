/** Names of tables and columns come from a domain's definition or the catalog, never from data; quoted all the same. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
