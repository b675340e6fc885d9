/**
 * The request as a command line for a POSIX shell. The key stands there as `$KEY`, so that no key is ever copied; without
 * `needsKey` it is left out.
 */
export function curlText(request: {
  readonly url: string;
  readonly needsKey: boolean;
  readonly body?: object;
}): string {
  const parts = ['curl'];
  if (request.needsKey) parts.push('-H "Authorization: Bearer $KEY"');
  if (request.body !== undefined)
    parts.push(
      `-H ${quoted('content-type: application/json')}`,
      `-d ${quoted(JSON.stringify(request.body))}`,
    );
  return [...parts, quoted(request.url)].join(' ');
}

/** The text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
