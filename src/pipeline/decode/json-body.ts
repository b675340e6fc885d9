import { isUtf8 } from 'node:buffer';
import type { JsonValue } from '../../core/domain.ts';
import { countMembers, isWellFormedJson } from '../../core/json-canonical.ts';
import { JsonScanner } from '../../core/json-scan.ts';
import { Rejection } from './reasons.ts';

export interface ParsedJson {
  readonly value: JsonValue;
  readonly text: string;
  /** Whether the text is canonical JSON, provided that its keys are sorted. */
  readonly isPlain: boolean;
}

/**
 * Parses JSON as RFC 7493 (I-JSON) limits it. It refuses texts that two readers could understand differently, and texts
 * that could exhaust the reader. Never throws, whatever the bytes are.
 */
export class JsonReader {
  readonly #scanner: JsonScanner;

  constructor(maxDepth: number) {
    this.#scanner = new JsonScanner(maxDepth);
  }

  read(bytes: Buffer): ParsedJson | Rejection {
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return BYTE_ORDER_MARK;
    const scanner = this.#scanner;
    if (scanner.scan(bytes) === 'too_deep') return TOO_DEEP;
    if (!scanner.isAscii && !isUtf8(bytes)) return UTF8_INVALID;
    const text = bytes.toString(scanner.isAscii ? 'latin1' : 'utf8');
    let value: JsonValue;
    try {
      value = JSON.parse(text) as JsonValue;
    } catch {
      // The message of the parser quotes the record, so it is left out.
      return bytes.includes(0) ? NUL_BYTE : JSON_INVALID;
    }
    if (scanner.hasHugeNumber) return NUMBER_OUT_OF_RANGE;
    if (scanner.hasEscapes && !isWellFormedJson(value)) return TEXT_NOT_WELL_FORMED;
    if (countMembers(value) !== scanner.memberCount) return DUPLICATE_KEY;
    return { value, text, isPlain: scanner.isPlain };
  }
}

const BYTE_ORDER_MARK = new Rejection('byte_order_mark', 'The value starts with a byte order mark.');
const TOO_DEEP = new Rejection('json_too_deep', 'Arrays and objects stand inside each other too deeply.');
const UTF8_INVALID = new Rejection('utf8_invalid', 'The value is not valid UTF-8.');
const NUL_BYTE = new Rejection('nul_byte', 'The value holds a NUL byte, so it is not valid JSON.');
const JSON_INVALID = new Rejection('json_invalid', 'The value is not valid JSON.');
const NUMBER_OUT_OF_RANGE = new Rejection(
  'number_out_of_range',
  'A number is beyond 9007199254740991 in magnitude, so it cannot be kept exactly.',
);
const TEXT_NOT_WELL_FORMED = new Rejection(
  'text_not_well_formed',
  'A text holds a lone surrogate, so it has no UTF-8 form.',
);
const DUPLICATE_KEY = new Rejection('json_duplicate_key', 'An object names a member more than once.');
