import { isJsonObject } from '../../core/json-canonical.ts';
import { asBuffer, decodeUtf8 } from '../decode/bytes.ts';
import { parsed } from '../decode/forms/kinds.ts';
import { keyText } from '../decode/source/key-text.ts';

/** What a key may be. */
export interface KeyTexts {
  /** The texts that the forms of keys make of it. */
  readonly texts: readonly string[];
  /** Its parts, if it has several: the members of an object, or what stands between signs. */
  readonly parts: readonly string[];
}

export function keyTexts(key: Uint8Array | null): KeyTexts {
  if (key === null || key.length === 0) return { texts: [], parts: [] };
  const texts = (['json', 'number', 'uuid'] as const).flatMap((form) => {
    const text = decodeUtf8(keyText(asBuffer(key), form));
    return text === null ? [] : [text];
  });
  const json = parsed(texts[0] ?? '');
  const members = json !== undefined && isJsonObject(json) ? Object.values(json) : [];
  const parts = members.length > 0 ? members.map(String) : (texts[0] ?? '').split(/[:|/#,;]/);
  return { texts, parts: parts.length > 1 ? parts : [] };
}
