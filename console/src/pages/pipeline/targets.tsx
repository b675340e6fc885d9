import { Link } from 'wouter';
import { targetOf } from '../../api/instance-target.ts';
import type { Outbox, Status } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { boundedText, countText, rateText } from '../../text/numbers.ts';
import { spanText } from '../../text/time.ts';
import { PauseButton } from './pause-button.tsx';

/** Each target: what is due to it, whether it takes it, and what its last failure and its last sweep said. */
export function Targets({ status }: { readonly status: Status }) {
  if (status.outbox.length === 0) return <EmptyState title="No target is known." />;
  return status.outbox.map((outbox) => <Target key={outbox.target} status={status} outbox={outbox} />);
}

function Target({ status, outbox }: { readonly status: Status; readonly outbox: Outbox }) {
  const { target, due, first, retries, dead, oldestAgeSeconds, mayBeOlder, hold, lastSweep } = outbox;
  const own = targetOf(status, target);
  const failure = own?.lastFailure?.error ?? outbox.lastFailure?.error ?? null;
  return (
    <Card
      title={target}
      actions={
        hold === null ? (
          <PauseButton part={{ kind: 'target', target }} name={`target ${target}`} />
        ) : undefined
      }
    >
      <dl className="facts">
        <dt>State</dt>
        <dd>
          {hold === null ? (
            <Breaker breaker={own?.breaker} seconds={own?.notClosedForSeconds ?? null} />
          ) : (
            <>
              <Badge tone="warn">paused</Badge> {hold}. <Link href="/pipeline?tab=pauses">End the pause</Link>
            </>
          )}
        </dd>
        <dt>Due</dt>
        <dd>
          <Link href={`/deliveries?status=pending&target=${encodeURIComponent(target)}`}>
            {boundedText(due)}
          </Link>
          : {boundedText(first)} for the first time, {boundedText(retries)} again
          {oldestAgeSeconds === null
            ? ''
            : `; the oldest for ${spanText(oldestAgeSeconds)}${mayBeOlder ? ' or longer' : ''}`}
        </dd>
        <dt>Dead</dt>
        <dd>
          <Link href={`/deliveries?status=dead&target=${encodeURIComponent(target)}`}>
            {boundedText(dead)}
          </Link>
        </dd>
        {own === undefined ? null : (
          <>
            <dt>Of this instance</dt>
            <dd>
              {countText(own.inFlight)} in flight, {countText(own.waiting)} claimed and waiting
              {own.ratePerSecond === null ? '' : `, at most ${rateText(own.ratePerSecond)} a second`}
            </dd>
          </>
        )}
        <dt>Last failure</dt>
        <dd>{failure ?? 'none'}</dd>
      </dl>
      {lastSweep === null ? (
        <p className="faint">No sweep has compared what it holds with the ledger yet.</p>
      ) : (
        <details>
          <summary>The last sweep</summary>
          <JsonView value={lastSweep} label={`Last sweep of ${target}`} />
        </details>
      )}
    </Card>
  );
}

function Breaker({
  breaker,
  seconds,
}: {
  readonly breaker: string | undefined;
  readonly seconds: number | null;
}) {
  if (breaker === undefined) return <Badge tone="plain">this instance does not say</Badge>;
  if (breaker === 'closed') return <Badge tone="good">takes deliveries</Badge>;
  return (
    <>
      <Badge tone={breaker === 'disabled' || breaker === 'open' ? 'bad' : 'warn'}>breaker {breaker}</Badge>
      {seconds === null ? '' : ` for ${spanText(seconds)}`}
    </>
  );
}
