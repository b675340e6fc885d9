/** A header's name and its value. */
export type Header = readonly [name: string, value: string];

/** Headers that order-sync or HTTP itself writes. */
const TAKEN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
]);

/** What is wrong with the name of a header of one's own; null if nothing is. Source: RFC 9110, 5.1 and 5.6.2. */
export function headerNameFault(name: string): string | null {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `${JSON.stringify(name)} is no name of a header`;
  if (TAKEN.has(name.toLowerCase())) return `${name} is written by order-sync itself: leave it out`;
  return null;
}

/** Whether a text can be a header's value: visible ASCII, blanks between. Source: RFC 9110, 5.5. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value);
}

/**
 * Reads lines of the form `Name: value`. Empty lines count for nothing. Throws an `Error` that names the line by its number,
 * because its value may be a secret.
 */
export function parseHeaders(text: string): Header[] {
  const headers: Header[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim();
    const value = line.slice(colon + 1).trim();
    if (colon === -1)
      throw new Error(`line ${index + 1} has no colon: write "Name: value", one header a line`);
    const fault = headerNameFault(name);
    if (fault !== null) throw new Error(`line ${index + 1}: ${fault}`);
    if (!isHeaderValue(value))
      throw new Error(`line ${index + 1}: the value of ${name} has to be visible ASCII, and not empty`);
    if (headers.some(([other]) => other.toLowerCase() === name.toLowerCase()))
      throw new Error(`line ${index + 1}: ${name} comes twice`);
    headers.push([name, value]);
  }
  return headers;
}
