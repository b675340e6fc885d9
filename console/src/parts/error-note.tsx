import { adviceFor, ProblemError } from '../api/problem.ts';

/** What went wrong, with its code, and what the reader can do. */
export function ErrorNote({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const problem =
    error instanceof ProblemError
      ? error
      : new ProblemError({ status: 0, title: 'The page failed', code: 'page_failed', detail: String(error) });
  const advice = adviceFor(problem);
  return (
    <div className="error-note" role="alert">
      <p className="error-title">
        {problem.title} <code>{problem.code}</code>
      </p>
      <p>{problem.message}</p>
      {problem.errors.length === 0 ? null : (
        <ul>
          {problem.errors.map(({ pointer, detail }) => (
            <li key={`${pointer} ${detail}`}>
              <code>{pointer.replace(/^\//, '')}</code> {detail}
            </li>
          ))}
        </ul>
      )}
      {advice === null ? null : <p>{advice}</p>}
      {onRetry === undefined ? null : (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
