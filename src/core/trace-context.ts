/**
 * The trace that an event or a delivery belongs to, in the two texts of W3C Trace Context. Source: W3C Trace Context, Level
 * 2, 3.2 and 3.3.
 */
export interface TraceContext {
  /** `traceparent` of version 00: 55 characters. */
  readonly traceParent: string;
  /** `tracestate`: 1 to 512 characters of printable ASCII. Left out if there is none. */
  readonly traceState?: string;
}

/** W3C asks everybody to pass on at least 512 characters. A longer `tracestate` is not kept. */
export const TRACE_STATE_MAX = 512;

const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE_ID = '0'.repeat(32);
const NO_PARENT_ID = '0'.repeat(16);
/** The flags that version 00 knows: sampled, and random trace id. */
const KNOWN_FLAGS = 0x03;
const LIST_MEMBERS_MAX = 32;
const LIST_MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/**
 * Reads both headers. Null if `traceparent` is missing or malformed. A malformed `tracestate` is left out, and does not make
 * the `traceparent` malformed.
 */
export function traceContextOf(
  traceParent: string | null | undefined,
  traceState: string | null | undefined,
): TraceContext | null {
  const parent = readTraceParent(traceParent);
  if (parent === null) return null;
  const state = readTraceState(traceState);
  return state === null ? { traceParent: parent } : { traceParent: parent, traceState: state };
}

/** The trace id of a `traceparent`: 32 hexadecimal digits. */
export function traceIdOf({ traceParent }: TraceContext): string {
  return traceParent.slice(3, 35);
}

/** A later version than 00 is read as far as version 00 goes, and written as version 00. */
function readTraceParent(text: string | null | undefined): string | null {
  if (typeof text !== 'string') return null;
  const parts = TRACE_PARENT.exec(text);
  if (parts === null) return null;
  const [, version, traceId, parentId, flags = '', more] = parts;
  if (version === 'ff' || traceId === NO_TRACE_ID || parentId === NO_PARENT_ID) return null;
  if (version === '00') return more === undefined ? text : null;
  const known = (Number.parseInt(flags, 16) & KNOWN_FLAGS).toString(16).padStart(2, '0');
  return `00-${traceId}-${parentId}-${known}`;
}

function readTraceState(text: string | null | undefined): string | null {
  if (typeof text !== 'string' || text.length > TRACE_STATE_MAX) return null;
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > LIST_MEMBERS_MAX) return null;
  if (!members.every((member) => LIST_MEMBER.test(member))) return null;
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf('='))));
  return keys.size === members.length ? members.join(',') : null;
}

/** The trace of the last of these events that has one. */
export function lastTraceOf(
  events: readonly { readonly trace?: TraceContext | undefined }[],
): TraceContext | undefined {
  for (let index = events.length - 1; index >= 0; index--) {
    const trace = events[index]?.trace;
    if (trace !== undefined) return trace;
  }
  return undefined;
}

/** Both texts in one, for a store's column: `traceparent`, then a blank and `tracestate` if there is one. */
export function packTrace({ traceParent, traceState }: TraceContext): string {
  return traceState === undefined ? traceParent : `${traceParent} ${traceState}`;
}

/** Reads what `packTrace` wrote. Null for anything else, because somebody may have altered the column. */
export function unpackTrace(packed: string): TraceContext | null {
  const blank = packed.indexOf(' ');
  return blank === -1
    ? traceContextOf(packed, null)
    : traceContextOf(packed.slice(0, blank), packed.slice(blank + 1));
}
