/** A service that cannot be had here: why, and what a person can do about it. */
export class ServiceUnavailableError extends Error {
  readonly code = 'SERVICE_UNAVAILABLE';
  readonly retryable = false;
  readonly remedy: string;

  constructor(reason: string, remedy: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'ServiceUnavailableError';
    this.remedy = remedy;
  }
}

/** A downloaded file is not the one that the committed manifest names. It is never put in the cache. */
export class ChecksumMismatchError extends Error {
  readonly code = 'CHECKSUM_MISMATCH';
  readonly retryable = false;

  constructor(url: string, expected: string, actual: string) {
    super(
      `${url} has SHA-256 ${actual}, but ${expected} was expected. The file was thrown away. ` +
        'Check the repository that MAVEN_REPOSITORY_URL names, or a proxy on the way that changes files.',
    );
    this.name = 'ChecksumMismatchError';
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`;
  return `${error.message}${cause}`;
}
