import { isUtf8 } from 'node:buffer';
import { messageOf } from '../../../core/errors.ts';

/** The longest text that is tried again with a fault taken out. */
const TRIED_MAX = 64 * 1024;

/**
 * Says why a text is no JSON, as the end of "The value is not valid JSON: ". Names a kind and a place, and quotes nothing.
 * `error` is what JSON.parse threw.
 */
export function textFault(text: string, error: unknown): string {
  const trimmed = text.trim();
  if (trimmed === '') return 'it is white space alone';
  return otherLanguage(trimmed) ?? severalTexts(trimmed) ?? smallFault(trimmed) ?? placeOf(text, error);
}

function otherLanguage(text: string): string | null {
  if (text.startsWith('<')) return 'it is XML or HTML';
  if (/^H4sI[A-Za-z0-9+/]+={0,2}$/.test(text)) return 'it is base64 of gzip';
  // These characters begin the base64 of every text that begins with a brace.
  if (/^(?:ey|ew|e1)[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return 'it is JSON in base64';
  if (/^(?:7b|5b)(?:[0-9a-f]{2})+$/i.test(text)) return 'it is JSON in hexadecimal digits';
  if (/^%7b/i.test(text)) return 'it is JSON in the encoding of URLs';
  if (text.startsWith('{&quot;')) return 'it is JSON whose quotes are escaped for HTML';
  if (text.startsWith('{\\"')) return 'its quotes stand behind backslashes, as inside of a text';
  if (/^a:\d+:\{|^O:\d+:"/.test(text)) return "it is PHP's serialize()";
  if (/^\{\s*(?:"[^"]*"|:\w+)\s*=>/.test(text)) return 'it is a hash that Ruby printed';
  if (text === '[object Object]')
    return 'it is an object of JavaScript that was made a text without JSON.stringify';
  if (/^[a-z]\w*(?:\.\w+)+@[0-9a-f]{1,8}$/.test(text))
    return 'it is an object of Java that has no toString() of its own';
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return 'it is a signed token (JWT)';
  if (/^\)\]\}',?\s/.test(text)) return "a line )]}' stands before it, as some web services write it";
  if (/^Struct\{/.test(text))
    return "it is Kafka Connect's Struct, printed by StringConverter instead of JsonConverter";
  if (/^[A-Za-z_$][\w$.]*[([{]\s*[A-Za-z_]\w*\s*=/.test(text))
    return 'it is an object that was printed by its toString()';
  if (/^\{\s*[A-Za-z_]\w*\s*=/.test(text)) return 'it is a map that was printed by its toString()';
  if (/^[A-Za-z_]\w*=[^&]*&/.test(text)) return 'it is the form of a web page (name=value&...)';
  if (/^data:\s*\{/.test(text)) return 'it is a line of an event stream (data: ...)';
  if (/^[A-Za-z_]\w*:\s/.test(text)) return 'it is YAML or a header line';
  return null;
}

function severalTexts(text: string): string | null {
  if (text.length > TRIED_MAX) return null;
  const lines = text.split(/\r?\n|(?<=\})\s*(?=\{)/).filter((line) => line.trim() !== '');
  if (lines.length < 2 || !lines.every(isJson)) return null;
  return `it is ${lines.length} JSON texts, and each has to be a record of its own`;
}

/** Changes of a text by which a fault is proven: if the changed text is JSON, this was the only fault. */
const REPAIRS: readonly (readonly [fault: string, pattern: RegExp, repaired: string])[] = [
  ['NaN or Infinity stands where a number belongs', /([:,[]\s*)-?(?:NaN|Infinity)\b/g, '$10'],
  [
    "undefined, or Python's None, True or False, stands as a value",
    /([:,[]\s*)(?:undefined|None|True|False)\b/g,
    '$10',
  ],
  ['a comma stands before a closing bracket', /,(?=\s*[}\]])/g, ''],
  ['a number begins with zeros', /([:,[]\s*-?)0+(?=\d)/g, '$1'],
];

function smallFault(text: string): string | null {
  if (text.length > TRIED_MAX) return null;
  for (const [fault, pattern, replacement] of REPAIRS) {
    const repaired = text.replace(pattern, replacement);
    if (repaired !== text && isJson(repaired)) return fault;
  }
  if (hasOnlyComments(text)) return 'comments stand in it';
  if (/^[{[]\s*\{?\s*'/.test(text))
    return "its texts stand in single quotes, as Python's print writes a dict";
  if (/^\{\s*[A-Za-z_$][\w$]*\s*:/.test(text)) return 'its names stand without quotes';
  return null;
}

/** Looking for the ends of comments takes time by the square of the length, so only short texts are looked at. */
const COMMENTED_MAX = 4 * 1024;

/** Whether the text is JSON once its comments are out. */
function hasOnlyComments(text: string): boolean {
  if (text.length > COMMENTED_MAX || !/\/[*/]/.test(text)) return false;
  const parts = /"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return isJson(text.replace(parts, (part) => (part.startsWith('"') ? part : ' ')));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads the kind and the place of the fault from V8's message, which may also quote the text. */
function placeOf(text: string, error: unknown): string {
  const message = messageOf(error);
  const position = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  const place = position === undefined ? '' : ` at character ${Number(position) + 1} of ${text.length}`;
  if (/^Unexpected end/.test(message) || /^Unterminated string/.test(message)) return CUT_OFF;
  if (position !== undefined && Number(position) >= text.trimEnd().length) return CUT_OFF;
  if (/^Unexpected non-whitespace/.test(message)) return `more stands behind its end,${place}`;
  if (/^Bad control character/.test(message))
    return `a line feed, a tab or another control character stands in a text without its escape,${place}`;
  if (/^Bad .*escape/i.test(message)) return `an escape in a text is none that JSON knows,${place}`;
  return `its syntax is wrong${place}`;
}

const CUT_OFF = 'it ends in the middle, so it was cut off';

/** Says where bytes stop being UTF-8, and whether they look like text with one byte for each character. */
export function utf8Fault(bytes: Buffer): string {
  const place = `The value is not valid UTF-8 at byte ${firstFault(bytes) + 1} of ${bytes.length}.`;
  if (!isJson(bytes.toString('latin1'))) return place;
  return `${place} Read with one byte for each character (ISO 8859-1, Windows-1252) it is JSON.`;
}

/** The index of the first byte that begins no character of UTF-8. */
function firstFault(bytes: Buffer): number {
  let index = 0;
  while (index < bytes.length) {
    const lead = bytes[index] as number;
    const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size > 1 && !isUtf8(bytes.subarray(index, index + size))) return index;
    index += size;
  }
  return index;
}
