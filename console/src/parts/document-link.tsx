import { useState } from 'react';
import { useAccess } from '../api/access.ts';
import { send } from '../api/client.ts';
import { ErrorNote } from './error-note.tsx';
import { saveFile } from './save-file.ts';

interface Props {
  readonly path: string;
  readonly name: string;
  readonly words: string;
}

/** A document of the API. Without keys it is a link; a key goes only into a header, so with keys the page loads the file. */
export function DocumentLink({ path, name, words }: Props) {
  const access = useAccess();
  const [error, setError] = useState<unknown>(null);
  const load = async () => {
    setError(null);
    try {
      const answer = await send(path);
      saveFile([new Uint8Array(await answer.arrayBuffer())], 'application/json', name);
    } catch (thrown) {
      setError(thrown);
    }
  };
  if (access?.keyNeeded !== true) return <a href={path}>{words}</a>;
  return (
    <>
      <button type="button" onClick={() => void load()}>
        {words}
      </button>
      {error === null ? null : <ErrorNote error={error} />}
    </>
  );
}
