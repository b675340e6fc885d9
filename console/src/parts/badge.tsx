import type { ReactNode } from 'react';

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'plain';

/** A word with a colour and a sign, so that the colour alone says nothing. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={`badge badge-${tone}`}>
      <span aria-hidden="true" className="badge-sign">
        {SIGNS[tone]}
      </span>
      {children}
    </span>
  );
}

const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', bad: '✕', warn: '!', info: '•', plain: '·' };
