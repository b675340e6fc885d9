import { type FormEvent, useId, useState } from 'react';
import { useMayOperate } from '../../api/access.ts';
import { post } from '../../api/client.ts';
import { orderPath } from '../../api/paths.ts';
import type { WhatIf } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { NEEDS_OPERATE } from '../../parts/confirm-dialog.tsx';
import { CopyCurl } from '../../parts/copy-button.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { ValueCell } from '../../parts/value-cell.tsx';
import { wordsOf } from '../../text/json.ts';
import { isOfOrders, said } from '../../text/words.ts';

const OF_ORDERS: readonly (readonly [name: string, body: Readonly<Record<string, string>>])[] = [
  ['Created', { eventType: 'ORDER', orderStatus: 'CREATED' }],
  ['Authorised', { eventType: 'PAYMENT', paymentStatus: 'PAYMENT_AUTHORIZED' }],
  ['Review pending', { eventType: 'PAYMENT', paymentStatus: 'PAYMENT_AUTH_WITHPENDING_REVIEW' }],
  ['Review accepted', { eventType: 'PAYMENT', paymentStatus: 'AUTHORIZATION_REVIEW_ACCEPTED' }],
  ['Review declined', { eventType: 'PAYMENT', paymentStatus: 'AUTHORIZATION_REVIEW_DECLINED' }],
];

/** The events of other domains are not known here. */
const EXAMPLES = isOfOrders ? OF_ORDERS : [];

/** Asks what one more event would do. Nothing is written. */
export function WhatIfCard({ id }: { readonly id: string }) {
  const field = useId();
  const mayOperate = useMayOperate();
  const [text, setText] = useState(() => example(id, EXAMPLES[4]?.[1] ?? {}));
  const [outcome, setOutcome] = useState<WhatIf | null>(null);
  const [error, setError] = useState<unknown>(null);
  const path = `${orderPath(id)}:what-if`;
  const ask = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      setOutcome(await post<WhatIf>(path, { event: text }));
    } catch (thrown) {
      setOutcome(null);
      setError(thrown);
    }
  };
  return (
    <Card title="What if one more event arrived?" actions={<CopyCurl path={path} body={{ event: text }} />}>
      <p className="faint">Nothing is written or sent.</p>
      <div className="chips what-if-examples">
        {EXAMPLES.map(([name, body]) => (
          <button key={name} type="button" className="chip" onClick={() => setText(example(id, body))}>
            {name}
          </button>
        ))}
      </div>
      <form onSubmit={(event) => void ask(event)}>
        <div className="field">
          <label htmlFor={field}>Body of the event</label>
          <textarea
            id={field}
            className="mono"
            rows={7}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <button
          type="submit"
          className="primary"
          disabled={!mayOperate}
          title={mayOperate ? undefined : NEEDS_OPERATE}
        >
          Ask
        </button>
      </form>
      <div role="status" className="what-if-outcome">
        {outcome === null ? null : <Outcome outcome={outcome} />}
      </div>
      {error === null ? null : <ErrorNote error={error} />}
    </Card>
  );
}

function example(orderId: string, body: Readonly<Record<string, string>>): string {
  if (!isOfOrders) return '{}';
  return JSON.stringify({ ...body, orderId, timestamp: new Date().toISOString() }, null, 2);
}

function Outcome({ outcome }: { readonly outcome: WhatIf }) {
  const { columns, due, after, late, conflictsWith } = outcome;
  return (
    <>
      <p>
        <Badge
          tone={outcome.outcome === 'changes' ? 'good' : outcome.outcome === 'duplicate' ? 'info' : 'bad'}
        >
          {outcome.outcome}
        </Badge>{' '}
        {sentenceOf(outcome)}
        {late === true ? ' It would be late: an event that stands behind it is there already.' : ''}
        {conflictsWith.length > 0 ? ` It would conflict with version ${conflictsWith.join(', ')}.` : ''}
        {after === null
          ? ''
          : said(after.ready ? ' The order would be ready.' : ' The order would not be ready.')}
      </p>
      {columns.length === 0 ? null : (
        <ul className="changes">
          {columns.map(({ column, from, to }) => (
            <li key={column}>
              {wordsOf(column)}: <ValueCell column={column} value={from} /> <span aria-hidden="true">→</span>
              <span className="visually-hidden"> becomes </span> <ValueCell column={column} value={to} />
            </li>
          ))}
        </ul>
      )}
      {outcome.outcome !== 'changes' ? null : (
        <p>
          {due.length === 0
            ? 'Nothing would be delivered.'
            : `Would be delivered to ${due.map(({ target }) => target).join(', ')}.`}
        </p>
      )}
    </>
  );
}

function sentenceOf({ outcome, version, knownAsVersion, reason, detail, columns }: WhatIf): string {
  switch (outcome) {
    case 'changes':
      return columns.length === 0
        ? `It would be version ${version}, and no value of the row would change.`
        : `It would be version ${version}.`;
    case 'duplicate':
      return `The journal has this event already, as version ${knownAsVersion}.`;
    case 'parked':
      return `${said('The order would be parked')} (${reason}): ${detail}`;
    case 'refused':
      return `The record would go to quarantine (${reason}): ${detail}`;
  }
}
