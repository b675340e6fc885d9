import { Link } from 'wouter';
import { useLiveState, useStatus, useStatusHistory } from '../../api/live.tsx';
import { topicRates } from '../../api/status-history.ts';
import type { Status } from '../../api/types.ts';
import { usePipeline, useSeries } from '../../api/use-pipeline.ts';
import { useRates } from '../../api/use-rates.ts';
import { Card } from '../../parts/card.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Page } from '../../parts/page.tsx';
import { useNow } from '../../parts/use-now.ts';
import { plural } from '../../text/numbers.ts';
import { spanText } from '../../text/time.ts';
import { PLACES } from './attention.ts';
import { FlowPicture } from './flow.tsx';
import { flowOf } from './flow-model.ts';
import { Hour } from './hour.tsx';
import { Numbers } from './numbers.tsx';
import './home.css';

export default function Home() {
  const { data: status, error, refetch } = useStatus();
  return (
    <Page title={status === undefined ? 'Is the sync healthy?' : verdictOf(status)} shortTitle="Home">
      {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {status === undefined ? (
        error === null ? (
          <Loading what="the status" />
        ) : null
      ) : (
        <Overview status={status} />
      )}
    </Page>
  );
}

/** The first question of an operator, answered in a sentence. */
function verdictOf({ verdict, lag, attention, log }: Status): string {
  if (verdict === 'unreachable')
    return log.state === 'ok' ? 'The store does not answer.' : 'The log does not answer.';
  const behind =
    lag.seconds === null
      ? 'How far the journal is behind is not known.'
      : lag.seconds < 1
        ? 'The journal is up to date.'
        : `The journal is ${spanText(lag.seconds)} behind.`;
  if (verdict === 'ok') return `All is well. ${behind}`;
  return `${plural(attention.length, 'thing')} ${attention.length === 1 ? 'needs' : 'need'} a person. ${behind}`;
}

function Overview({ status }: { readonly status: Status }) {
  const live = useLiveState();
  return (
    <>
      {live === 'polling' ? (
        <p className="note">
          This order-sync has no stream of changes. The page reads the status every 2 seconds.
        </p>
      ) : null}
      <Numbers status={status} />
      <NeedsAPerson attention={status.attention} />
      <Card title="From the source to the target">
        <LiveFlow status={status} />
      </Card>
      <Hour />
    </>
  );
}

function LiveFlow({ status }: { readonly status: Status }) {
  const history = useStatusHistory();
  const nowMs = useNow();
  const { data: pipeline, dataUpdatedAt } = usePipeline();
  const { data: series } = useSeries();
  const counts =
    pipeline === undefined
      ? undefined
      : {
          journaled: pipeline.ingest?.journaled ?? 0,
          refused: pipeline.ingest?.quarantined ?? 0,
          ...Object.fromEntries(
            Object.entries(pipeline.deliveries).map(([name, { delivered }]) => [`to ${name}`, delivered]),
          ),
        };
  const rates: Readonly<Record<string, number>> | null = useRates(counts, dataUpdatedAt);
  const last = series?.points.at(-1);
  const flow = flowOf(status, {
    topics: topicRates(history, nowMs),
    journaled: rates?.journaled ?? null,
    refused: rates?.refused ?? null,
    due: last === undefined ? null : last.due / (series?.stepSeconds ?? 10),
    delivered: Object.fromEntries(
      status.outbox.map(({ target }) => [target, rates?.[`to ${target}`] ?? null]),
    ),
  });
  return <FlowPicture flow={flow} />;
}

/** What does not get right by itself, each with the page on which to begin. */
function NeedsAPerson({ attention }: Pick<Status, 'attention'>) {
  return (
    <Card title="Needs a person">
      {attention.length === 0 ? (
        <p className="faint">Nothing. What is amiss for a moment gets right by itself.</p>
      ) : (
        <ul className="attention">
          {attention.map(({ kind, text, command }) => (
            <li key={`${kind} ${text}`}>
              <p>{text}</p>
              <div className="attention-ways">
                <Link href={PLACES[kind].href} className="button-link">
                  {PLACES[kind].words}
                </Link>
                {command === null ? null : (
                  <>
                    <code className="command">{command}</code>
                    <CopyButton label="Copy" text={() => command} />
                  </>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
