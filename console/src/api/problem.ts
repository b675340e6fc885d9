/** A refusal of the API, or the failure to reach it. */
export class ProblemError extends Error {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
  readonly retryAfterSeconds: number | null;

  constructor(problem: {
    readonly status: number;
    readonly title: string;
    readonly code: string;
    readonly detail: string;
    readonly errors?: ProblemError['errors'];
    readonly retryAfterSeconds?: number | null;
  }) {
    super(problem.detail);
    this.status = problem.status;
    this.title = problem.title;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = problem.retryAfterSeconds ?? null;
  }
}

/** The problem document of an answer. An answer of another form, as of a proxy, becomes a problem of its status. */
export function problemFrom(
  status: number,
  statusText: string,
  body: unknown,
  retryAfter: string | null,
): ProblemError {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<
    Record<'title' | 'detail' | 'code', unknown>
  > & { readonly errors?: unknown };
  const text = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
  const seconds = Number(retryAfter ?? Number.NaN);
  return new ProblemError({
    status,
    title: text(given.title, statusText === '' ? `Status ${status}` : statusText),
    code: text(given.code, `http_${status}`),
    detail: text(given.detail, `The server answered with status ${status} and without a problem document.`),
    errors: Array.isArray(given.errors) ? (given.errors as ProblemError['errors']) : [],
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
  });
}

/** What the reader can do about a problem, where the problem itself does not say so; null if there is nothing to add. */
export function adviceFor({ code, status }: Pick<ProblemError, 'code' | 'status'>): string | null {
  const known = ADVICE[code];
  if (known !== undefined) return known;
  if (status === 404)
    return 'Check the address. The order-sync that answers may also be older than this page.';
  if (status === 503) return 'Wait a moment and try again. /readyz says what order-sync waits for.';
  if (status >= 500) return 'Try again. If it stays, the log lines of order-sync have the reason.';
  return null;
}

const ADVICE: Readonly<Record<string, string>> = {
  unreachable: 'Check that order-sync runs and that this machine reaches it. The page tries again by itself.',
  scope_missing: 'Enter a key with this scope: "Forget key" in the header lets you enter another one.',
  api_key_missing: 'Enter a key.',
  api_key_unknown: 'Enter another key. "order-sync keys make" makes one.',
  question_invalid: 'Take the filter away, or correct it in the address.',
  filter_invalid: 'Take the filter away, or correct it in the address.',
  after_invalid: 'Begin again at the first page.',
  try_off: 'Start order-sync with ORDER_SYNC_TRY=true to send events from this page.',
  held_already: 'Look at the list of pauses: somebody was faster.',
  rebuild_refused: 'Look at the rebuild that is under way.',
};
