import { Link } from 'wouter';
import type { Attempt, DeliveryWithAttempts } from '../../api/types.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { DeliveryBadge } from '../../parts/delivery-badge.tsx';
import { TextView } from '../../parts/json-view.tsx';
import { Time } from '../../parts/time.tsx';
import { latencyText } from '../../text/time.ts';

const VERDICT_TONES: Readonly<Record<string, Tone>> = { delivered: 'good', park: 'bad', disable: 'bad' };

/** Where the deliveries of an order stand, with every attempt that the ledger has. */
export function OrderDeliveries({ deliveries }: { readonly deliveries: readonly DeliveryWithAttempts[] }) {
  return (
    <Card title="Deliveries">
      {deliveries.length === 0 ? (
        <p className="faint">No state of this order was ever due to a target.</p>
      ) : (
        deliveries.map((delivery) => <OneDelivery key={delivery.target} delivery={delivery} />)
      )}
    </Card>
  );
}

function OneDelivery({ delivery }: { readonly delivery: DeliveryWithAttempts }) {
  const { target, status, dueVersion, deliveredVersion, attempts, nextAttemptAt, lastError, attemptLog } =
    delivery;
  return (
    <div className="delivery">
      <div className="row-actions">
        <h3>{target}</h3>
        <DeliveryBadge status={status} />
        <span>
          Version {dueVersion} was due;{' '}
          {deliveredVersion === null
            ? 'none was accepted yet'
            : `version ${deliveredVersion} was accepted last`}
          . {attempts === 0 ? '' : `Attempts at it: ${attempts}. `}
          {nextAttemptAt === null || status !== 'pending' ? null : (
            <>
              Next try: <Time at={nextAttemptAt} />
            </>
          )}
        </span>
        {status === 'dead' ? (
          <Link
            className="button-link"
            href={`/deliveries?status=dead&entityId=${encodeURIComponent(delivery.entityId)}`}
          >
            Redrive it
          </Link>
        ) : null}
      </div>
      {lastError === null || status === 'delivered' ? null : <p className="warning">{lastError}</p>}
      {attemptLog.length === 0 ? (
        <p className="faint">The ledger has no attempt.</p>
      ) : (
        <DataTable
          label={`Attempts at ${target}`}
          columns={ATTEMPT_COLUMNS}
          rows={attemptLog}
          idOf={({ version, attempt, attemptedAt }) => `${version} ${attempt} ${attemptedAt}`}
        />
      )}
    </div>
  );
}

const NOT_COUNTED = 'The target seemed to be the cause, and not this state.';

const ATTEMPT_COLUMNS: readonly TableColumn<Attempt>[] = [
  { id: 'at', header: 'When', isName: true, cell: ({ attemptedAt }) => <Time at={attemptedAt} /> },
  { id: 'version', header: 'Version', isNumber: true, cell: ({ version }) => version },
  {
    id: 'attempt',
    header: 'Attempt',
    isNumber: true,
    cell: ({ attempt, counted }) =>
      counted ? attempt : <span title={NOT_COUNTED}>{attempt}, not counted</span>,
  },
  {
    id: 'verdict',
    header: 'Verdict',
    cell: ({ verdict }) => <Badge tone={VERDICT_TONES[verdict] ?? 'warn'}>{verdict}</Badge>,
  },
  { id: 'status', header: 'Status', isNumber: true, cell: ({ status }) => status ?? 'no answer' },
  { id: 'latency', header: 'Latency', isNumber: true, cell: ({ latencyMs }) => latencyText(latencyMs) },
  {
    id: 'answer',
    header: 'Answer',
    cell: ({ answer, error }) => (
      <>
        {error === null ? null : <p>{error}</p>}
        {answer === '' ? null : <Answer text={answer} />}
      </>
    ),
  },
];

const SHORT_ANSWER = 90;

/** What a target answered; a long answer opens. */
function Answer({ text }: { readonly text: string }) {
  if (text.length <= SHORT_ANSWER) return <code>{text}</code>;
  return (
    <details className="answer">
      <summary>
        <code>{text.slice(0, SHORT_ANSWER)}…</code>
      </summary>
      <TextView text={text} label="Answer" />
    </details>
  );
}
