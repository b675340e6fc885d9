import { DefectError, type ErrorCode, LANGUAGE_ERRORS, TributaryError } from '../../../core/errors.ts';

/** An error on its way from a thread. A message keeps no class and no code of an error. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The code of an error of Tributary, of Node or of SQLite. */
  readonly code: string | undefined;
  /** Of an error of Tributary. */
  readonly retryable: boolean | undefined;
  /** SQLite's extended result code. */
  readonly errcode: number | undefined;
  readonly cause: SentError | undefined;
}

export function sentErrorOf(error: unknown): SentError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const { code, retryable, errcode } = Object(error) as Partial<SentError>;
  return {
    name,
    message,
    stack,
    code: typeof code === 'string' ? code : undefined,
    retryable: error instanceof TributaryError ? retryable : undefined,
    errcode: typeof errcode === 'number' ? errcode : undefined,
    cause: cause === undefined ? undefined : sentErrorOf(cause),
  };
}

/** An error that every caller takes for the one that the thread met. */
export function receivedError(sent: SentError): Error {
  const { name, message, stack, code, retryable, errcode } = sent;
  const cause = sent.cause === undefined ? {} : { cause: receivedError(sent.cause) };
  if (retryable !== undefined) {
    const error =
      code === 'defect'
        ? new DefectError(message, cause)
        : new TributaryError(code as ErrorCode, message, { retryable, ...cause });
    return withStack(error, stack);
  }
  const Kind = LANGUAGE_ERRORS.find((each) => each.name === name) ?? Error;
  const error = withStack(new Kind(message, cause), stack);
  if (error.name !== name) error.name = name;
  return Object.assign(error, code === undefined ? {} : { code }, errcode === undefined ? {} : { errcode });
}

function withStack(error: Error, stack: string | undefined): Error {
  if (stack !== undefined) error.stack = stack;
  return error;
}
