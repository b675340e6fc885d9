/**
 * The one base class of every error that Tributary raises on purpose.
 *
 * `code` is stable and documented in docs/errors.md (a test holds the two together); `retryable` says whether
 * the same call may succeed later without anybody changing anything. A message says what went wrong, where,
 * and what to do; it never carries a secret or an event's payload.
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
  target_unreachable: { retryable: true },
  target_answer_invalid: { retryable: false },
  holdings_not_offered: { retryable: false },
  domain_invalid: { retryable: false },
  usage: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether an error may pass by itself; anything that is not ours counts as a fault that may. */
export function isRetryable(error: unknown): boolean {
  return error instanceof TributaryError ? error.retryable : true;
}

/** The message of whatever was thrown, for a log line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
