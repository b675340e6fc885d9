import { useState } from 'react';
import { useAccess } from '../api/access.ts';
import { curlText } from '../text/curl.ts';

interface CopyProps {
  readonly label: string;
  readonly text: () => string;
}

/** Copies a text, and says for two seconds that it did. */
export function CopyButton({ label, text }: CopyProps) {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setSaid('Copied');
    } catch {
      setSaid('Not copied: the browser does not allow it');
    }
    setTimeout(() => setSaid(null), 2_000);
  };
  return (
    <button type="button" className="quiet" onClick={() => void copy()}>
      <span aria-live="polite">{said ?? label}</span>
    </button>
  );
}

/** Copies the request as a command line, in which the key stands as `$KEY`. */
export function CopyCurl({ path, body }: { readonly path: string; readonly body?: object }) {
  const access = useAccess();
  const text = () =>
    curlText({
      url: new URL(path, window.location.origin).href,
      needsKey: access?.keyNeeded ?? false,
      ...(body === undefined ? {} : { body }),
    });
  return <CopyButton label="Copy as curl" text={text} />;
}

export function CopyJson({ value }: { readonly value: unknown }) {
  return <CopyButton label="Copy as JSON" text={() => JSON.stringify(value, null, 2)} />;
}
