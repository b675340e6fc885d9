import { type ErrorCode, TributaryError } from '../../../core/errors.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  config: 3,
  unreachable: 4,
  partial: 5,
  interrupted: 130,
  terminated: 143,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  usage: EXIT.usage,
  setting_invalid: EXIT.config,
  data_directory_unusable: EXIT.config,
  group_of_another_store: EXIT.config,
  log_unreachable: EXIT.unreachable,
  schemas_unreachable: EXIT.unreachable,
  store_refused: EXIT.config,
  store_unreachable: EXIT.unreachable,
  target_unreachable: EXIT.unreachable,
};

/** The exit code of a program that ends with this error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof TributaryError ? (BY_CODE[error.code] ?? EXIT.failure) : EXIT.failure;
}
