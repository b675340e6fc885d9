import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { keepKey } from '../api/key.ts';
import { stream } from '../api/page-stream.ts';
import { Page } from '../parts/page.tsx';

/** Asks for the API key. It is tried by reading the page again; a wrong one brings this form back. */
export function KeyForm({ why }: { readonly why: 'missing' | 'unknown' }) {
  const queries = useQueryClient();
  const field = useId();
  const [key, setKey] = useState('');
  const enter = (event: FormEvent) => {
    event.preventDefault();
    keepKey(key.trim());
    queries.clear();
    stream.restart();
  };
  return (
    <Page
      title="Enter your key"
      intro="This order-sync asks for an API key. A key with the scope read shows everything; one with the scope operate may also change things."
    >
      <form className="key-form card" onSubmit={enter}>
        {why === 'unknown' ? (
          <p className="error-note" role="alert">
            The server does not know that key. Enter another one.
          </p>
        ) : null}
        <div className="field">
          <label htmlFor={field}>API key</label>
          <input
            id={field}
            type="password"
            value={key}
            placeholder="trb_…"
            autoComplete="off"
            spellCheck={false}
            required
            onChange={(event) => setKey(event.target.value)}
          />
        </div>
        <button type="submit" className="primary">
          Open the console
        </button>
        <p className="faint">
          The key stays in this tab until you close it or press “Forget key”. It is sent only to this server,
          in a header. An administrator makes one by <code>order-sync keys make --name NAME</code>.
        </p>
      </form>
    </Page>
  );
}
