import { useRef, useState } from 'react';
import { useAccess } from '../../api/access.ts';
import { send } from '../../api/client.ts';
import { pathOf, type QueryValues } from '../../api/paths.ts';
import { ErrorNote } from '../../parts/error-note.tsx';
import { saveFile } from '../../parts/save-file.ts';
import { countText } from '../../text/numbers.ts';
import { WORDS } from '../../text/words.ts';

const FORMS = [
  ['csv', 'Export CSV'],
  ['ndjson', 'Export NDJSON'],
] as const;

/**
 * Downloads all orders that the filters ask for. Without keys the browser loads the file itself. A key goes only into a
 * header, so with keys the page reads the answer and hands it to the browser at the end.
 */
export function ExportButtons({ query }: { readonly query: QueryValues }) {
  const access = useAccess();
  const pathFor = (format: string) => pathOf('/api/v1/orders:export', { format, ...query });
  if (access?.keyNeeded === true)
    return FORMS.map(([format, words]) => (
      <ExportWithKey key={format} path={pathFor(format)} format={format} words={words} />
    ));
  return FORMS.map(([format, words]) => (
    <a key={format} className="button-link" href={pathFor(format)} download={`${WORDS.plural}.${format}`}>
      {words}
    </a>
  ));
}

const MEBIBYTE = 1024 * 1024;

function ExportWithKey({
  path,
  format,
  words,
}: {
  readonly path: string;
  readonly format: string;
  readonly words: string;
}) {
  const running = useRef<AbortController | null>(null);
  const [bytes, setBytes] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = async () => {
    const control = new AbortController();
    running.current = control;
    setBytes(0);
    setError(null);
    try {
      const answer = await send(path, { signal: control.signal });
      saveFile(
        await partsOf(answer, setBytes),
        answer.headers.get('content-type'),
        `${WORDS.plural}.${format}`,
      );
    } catch (thrown) {
      if (!control.signal.aborted) setError(thrown);
    } finally {
      setBytes(null);
    }
  };
  return (
    <>
      {bytes === null ? (
        <button type="button" onClick={() => void load()}>
          {words}
        </button>
      ) : (
        <button type="button" onClick={() => running.current?.abort()}>
          {countText(bytes / MEBIBYTE)} MiB read: stop
        </button>
      )}
      {error === null ? null : <ErrorNote error={error} />}
    </>
  );
}

async function partsOf(
  answer: Response,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = answer.body?.getReader();
  let bytes = 0;
  for (;;) {
    const read = await reader?.read();
    if (read?.value === undefined) return parts;
    parts.push(read.value);
    bytes += read.value.length;
    onBytes(bytes);
  }
}
