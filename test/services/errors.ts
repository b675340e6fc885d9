/** A service is missing on this machine. The message has the reason, `remedy` says how to get the service. */
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

/** A downloaded file differs from the file of the committed manifest. It is not put in the cache. */
export class ChecksumMismatchError extends Error {
  readonly code = 'CHECKSUM_MISMATCH';
  readonly retryable = false;

  constructor(url: string, expected: string, actual: string) {
    super(
      `${url} has SHA-256 ${actual}, but ${expected} was expected. The file was thrown away. ` +
        'Check the repository in MAVEN_REPOSITORY_URL, and whether a proxy changes downloaded files.',
    );
    this.name = 'ChecksumMismatchError';
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`;
  return `${error.message}${cause}`;
}
