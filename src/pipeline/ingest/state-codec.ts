import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import type { SequenceKey } from '../../core/sequence.ts';
import { sequenceBytes } from '../../core/sequence-bytes.ts';

const JSON_FORM = 1;
const STRUCTURED_FORM = 2;
const CHECKSUM_BYTES = 16;
/** A larger state is not kept in the store. */
const STATE_BYTES_MAX = 1024 * 1024;

/**
 * Turns states of the fold into bytes and back. It uses JSON if that gives the same state back, and structured cloning
 * otherwise (for Map, Set, Date, undefined and bigint). A checksum binds the bytes to their entity, place and fold
 * version, so that damaged or moved bytes are never taken for a state.
 */
export class StateCodec<State> {
  readonly #foldVersion: number;

  constructor(foldVersion: number) {
    this.#foldVersion = foldVersion;
  }

  /** Gives null if the state would not come back unchanged (an object of a class, a function), or is over 1 MiB. */
  encode(entityId: string, last: SequenceKey, state: State): Buffer | null {
    const body = bodyOf(state);
    if (body === null || body.length > STATE_BYTES_MAX) return null;
    return Buffer.concat([this.#checksum(entityId, last, body), body]);
  }

  /** Gives null if these are not the bytes of a state at this place. */
  decode(entityId: string, last: SequenceKey, stored: Uint8Array): { readonly state: State } | null {
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
    const body = bytes.subarray(CHECKSUM_BYTES);
    if (!this.#checksum(entityId, last, body).equals(bytes.subarray(0, CHECKSUM_BYTES))) return null;
    try {
      const content = body.subarray(1);
      if (body[0] === JSON_FORM) return { state: JSON.parse(content.toString('utf8')) as State };
      return body[0] === STRUCTURED_FORM ? { state: deserialize(content) as State } : null;
    } catch {
      return null;
    }
  }

  #checksum(entityId: string, last: SequenceKey, body: Buffer): Buffer {
    const place = `${this.#foldVersion} ${entityId.length} ${entityId} ${sequenceBytes(last).toString('hex')} `;
    return hash('sha256', Buffer.concat([Buffer.from(place), body]), 'buffer').subarray(0, CHECKSUM_BYTES);
  }
}

function bodyOf(state: unknown): Buffer | null {
  return (
    formOf(JSON_FORM, state, toJson, (bytes) => JSON.parse(bytes.toString('utf8'))) ??
    formOf(STRUCTURED_FORM, state, serialize, deserialize)
  );
}

/** The state in this form; null if it would not come back unchanged. */
function formOf(
  form: number,
  state: unknown,
  write: (state: unknown) => Buffer,
  read: (bytes: Buffer) => unknown,
): Buffer | null {
  try {
    const bytes = write(state);
    return isDeepStrictEqual(read(bytes), state) ? Buffer.concat([Uint8Array.of(form), bytes]) : null;
  } catch {
    return null;
  }
}

/** Throws for a state that JSON cannot express. */
function toJson(state: unknown): Buffer {
  return Buffer.from(JSON.stringify(state));
}
