import { asBuffer, decodeUtf8 } from '../../pipeline/decode/bytes.ts';
import type { LoggedHeader, LogRecord } from '../../ports/event-log.ts';

/** The most bytes that are shown of a value, of a key, and of all headers together. */
export const SHOWN_BYTES = 1024 * 1024;

/** A record of the log with its bytes, as the HTTP API shows it. */
export function recordJson(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { offset, timestampMs, key, value, headers }: LogRecord,
): object {
  const shown = firstHeaders(headers);
  const isCut = [key, value].some((bytes) => (bytes?.length ?? 0) > SHOWN_BYTES);
  return {
    topic,
    partition,
    offset: String(offset),
    timestamp: new Date(timestampMs).toISOString(),
    key: shownBytes(key),
    value: shownBytes(value),
    valueLength: value?.length ?? 0,
    headers: shown.map(headerJson),
    truncated: isCut || shown.length < headers.length,
  };
}

function firstHeaders(headers: readonly LoggedHeader[]): readonly LoggedHeader[] {
  let bytes = 0;
  const end = headers.findIndex(([name, value]) => {
    bytes += name.length + (value?.length ?? 0);
    return bytes > SHOWN_BYTES;
  });
  return end < 0 ? headers : headers.slice(0, end);
}

function headerJson([name, value]: LoggedHeader): object {
  return {
    ...(typeof name === 'string'
      ? { name }
      : { name: asBuffer(name).toString(), nameBase64: base64Of(name) }),
    ...(value === null ? { base64: null, text: null } : { base64: base64Of(value), text: decodeUtf8(value) }),
  };
}

/** The first bytes in base64, and as a text if they are UTF-8. A character that is cut in two is left out of the text. */
function shownBytes(bytes: Uint8Array | null): { base64: string; text: string | null } | null {
  if (bytes === null) return null;
  if (bytes.length <= SHOWN_BYTES) return { base64: base64Of(bytes), text: decodeUtf8(bytes) };
  const shown = bytes.subarray(0, SHOWN_BYTES);
  let text = decodeUtf8(shown);
  for (let cut = 1; text === null && cut < UTF8_BYTES_MAX; cut++)
    text = decodeUtf8(shown.subarray(0, SHOWN_BYTES - cut));
  return { base64: base64Of(shown), text };
}

/** The most bytes of a character. */
const UTF8_BYTES_MAX = 4;

function base64Of(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64');
}
