/**
 * The base class of all errors that Tributary raises on purpose.
 *
 * `code` is stable, and docs/errors.md describes it (a test compares the two). `retryable` says whether the same call
 * may succeed later without anybody changing anything. The message says what went wrong, where, and what to do. It
 * never contains a secret or the payload of an event.
 */
export class TributaryError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TributaryError';
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
  }
}

/** Every code with its default for `retryable`; the meaning and the remedy of each stand in docs/errors.md. */
export const ERROR_CODES = {
  setting_invalid: { retryable: false },
  data_directory_in_use: { retryable: false },
  data_directory_unusable: { retryable: false },
  address_in_use: { retryable: false },
  log_unreachable: { retryable: true },
  log_damaged: { retryable: false },
  log_append_failed: { retryable: true },
  log_record_too_large: { retryable: false },
  log_shut_out: { retryable: true },
  schemas_unreachable: { retryable: true },
  group_of_another_store: { retryable: false },
  topic_missing: { retryable: false },
  store_unreachable: { retryable: true },
  store_busy: { retryable: true },
  store_commit_unknown: { retryable: true },
  store_failed: { retryable: true },
  store_refused: { retryable: false },
  table_missing: { retryable: true },
  schema_too_new: { retryable: false },
  view_not_adoptable: { retryable: false },
  table_names_taken: { retryable: false },
  fold_outdated: { retryable: false },
  view_switching: { retryable: true },
  rebuild_refused: { retryable: false },
  target_unreachable: { retryable: true },
  target_answer_invalid: { retryable: false },
  holdings_not_offered: { retryable: false },
  domain_invalid: { retryable: false },
  defect: { retryable: false },
  usage: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A promise of our own code that does not hold. No record, setting or other system is to blame for it. */
export class DefectError extends TributaryError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('defect', message, options);
    this.name = 'DefectError';
  }
}

/** The errors that the language itself throws at a mistake in a program. */
export const LANGUAGE_ERRORS = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError];

/**
 * Whether a program with a mistake threw this: an error of the language, a failed assertion, a broken promise of our own
 * code. An adapter that translates the errors of a library lets these pass as they are.
 */
export function isProgramError(error: unknown): boolean {
  if (error instanceof TributaryError) return error.code === 'defect';
  if (!(error instanceof Error)) return false;
  return LANGUAGE_ERRORS.some((kind) => error instanceof kind) || error.name === 'AssertionError';
}

/**
 * Whether an error shows a mistake in Tributary: an error of a program, or one that nobody gave a code. An Error with a
 * code comes from a library or from the system, and no adapter has translated it: it may pass by itself.
 */
export function isDefect(error: unknown): boolean {
  if (error instanceof TributaryError || isProgramError(error)) return isProgramError(error);
  if (!(error instanceof Error)) return true;
  // A call that its signal ended rejects with one of these.
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return false;
  return !('code' in error && typeof error.code === 'string' && error.code !== '');
}

/** Whether the same call may succeed later without anybody changing anything. A defect never passes by itself. */
export function isRetryable(error: unknown): boolean {
  return error instanceof TributaryError ? error.retryable : !isDefect(error);
}

/** The message of whatever was thrown, for a log line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** At most this much of a defect's message is shown. */
const DEFECT_CHARACTERS_MAX = 300;
const FRAMES_MAX = 20;

/** Names a defect: its kind and its message, without the values that messages of the language and of Node quote. */
export function describeDefect(error: unknown): string {
  if (!(error instanceof Error)) return `a ${typeof error} was thrown instead of an Error`;
  if (error instanceof SyntaxError) return 'SyntaxError (its message is left out, because it may quote data)';
  const message = error.message.replace(/ Received [\s\S]*$/, '').slice(0, DEFECT_CHARACTERS_MAX);
  return `${error.name}: ${message}`;
}

/** The fields of the log line that tells of a defect: the code, and where in the program it happened. */
export function defectFields(error: unknown): { readonly code: 'defect'; readonly stack: string } {
  const stacks = [`${describeDefect(error)}\n${framesOf(error)}`];
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause !== undefined) stacks.push(`caused by ${describeDefect(cause)}\n${framesOf(cause)}`);
  return { code: 'defect', stack: stacks.join('\n') };
}

/**
 * Logs an error that is a mistake in the program, with its stack. Returns whether it was one. For the loops of adapters,
 * which take every error for a fault of the other side. A RangeError is left out: it is how bytes that make no sense show.
 */
export function logDefect(
  logger: (level: 'error', message: string, fields: ReturnType<typeof defectFields>) => void,
  doing: string,
  error: unknown,
): boolean {
  if (!isProgramError(error) || error instanceof RangeError) return false;
  logger('error', `A defect of Tributary in ${doing}: ${describeDefect(error)}.`, defectFields(error));
  return true;
}

/** The lines of the stack behind the message. */
function framesOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  return lines
    .filter((line) => line.startsWith('    at '))
    .slice(0, FRAMES_MAX)
    .join('\n');
}
