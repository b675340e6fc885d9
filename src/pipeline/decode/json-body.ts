import { isUtf8 } from 'node:buffer';
import type { JsonValue } from '../../core/domain.ts';
import { countMembers, isWellFormedJson } from '../../core/json-canonical.ts';
import { parseKeepingNumbers } from '../../core/json-exact.ts';
import { JsonScanner } from '../../core/json-scan.ts';
import { knownEncoding } from './forms/encodings.ts';
import { textFault, utf8Fault } from './forms/text-faults.ts';
import { Rejection } from './reasons.ts';

export interface ParsedJson {
  readonly value: JsonValue;
  readonly text: string;
  /** Whether the text is canonical JSON, provided that its keys are sorted. */
  readonly isPlain: boolean;
  /**
   * The value with its numbers beyond 2^53 - 1 as their texts, for the content hash (`parseKeepingNumbers`). Null if it has
   * no such number.
   */
  readonly exact: JsonValue | null;
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
    if (scanner.scan(bytes) === 'too_deep') return knownEncoding(bytes) ?? TOO_DEEP;
    if (!scanner.isAscii && !isUtf8(bytes)) {
      return knownEncoding(bytes) ?? new Rejection('utf8_invalid', utf8Fault(bytes));
    }
    const text = bytes.toString(scanner.isAscii ? 'latin1' : 'utf8');
    let value: JsonValue;
    try {
      value = JSON.parse(text) as JsonValue;
    } catch (error) {
      return knownEncoding(bytes) ?? notJson(bytes, text, error);
    }
    if (scanner.hasEscapes && !isWellFormedJson(value)) return TEXT_NOT_WELL_FORMED;
    if (countMembers(value) !== scanner.memberCount) return DUPLICATE_KEY;
    const exact = scanner.hasHugeNumber ? parseKeepingNumbers(text, 'huge') : null;
    return { value, text, isPlain: scanner.isPlain, exact };
  }
}

function notJson(bytes: Buffer, text: string, error: unknown): Rejection {
  if (bytes.includes(0)) return NUL_BYTE;
  return new Rejection('json_invalid', `The value is not valid JSON: ${textFault(text, error)}.`);
}

const BYTE_ORDER_MARK = new Rejection('byte_order_mark', 'The value starts with a byte order mark.');
const TOO_DEEP = new Rejection('json_too_deep', 'Arrays and objects stand inside each other too deeply.');
const NUL_BYTE = new Rejection('nul_byte', 'The value holds a NUL byte, so it is not valid JSON.');
const TEXT_NOT_WELL_FORMED = new Rejection(
  'text_not_well_formed',
  'A text holds a lone surrogate, so it has no UTF-8 form.',
);
const DUPLICATE_KEY = new Rejection('json_duplicate_key', 'An object names a member more than once.');
