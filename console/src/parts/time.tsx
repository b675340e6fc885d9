import { localText, relativeText, utcText } from '../text/time.ts';
import { useNow } from './use-now.ts';

/** A moment on the clock of this machine, with its distance from now. Its title has it in UTC. */
export function Time({ at, relative = true }: { readonly at: string | null; readonly relative?: boolean }) {
  const nowMs = useNow();
  if (at === null) return <span className="faint">never</span>;
  return (
    <time dateTime={at} title={`${utcText(at)} UTC`}>
      {localText(at, nowMs)}
      {relative ? (
        <>
          {' '}
          <span className="faint">· {relativeText(at, nowMs)}</span>
        </>
      ) : null}
    </time>
  );
}
