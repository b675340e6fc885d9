import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { RebuildReport } from '../../../../src/pipeline/rebuild/report.ts';
import { get, post } from '../../api/client.ts';
import { usePoll } from '../../api/live.tsx';
import type { Job, ViewState } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { say } from '../../parts/toasts.tsx';
import { useAddJobs } from '../../parts/url-jobs.tsx';
import { KindJobs } from './kind-jobs.tsx';
import { Report } from './rebuild-report.tsx';

const POLL_MS = 2_000;
const PATH = '/api/v1/rebuilds';

interface Rebuild {
  readonly id: string;
  readonly foldVersion: number;
  readonly report: RebuildReport | null;
}

/** The view, and its rebuild: begin it, read its report, switch to it or discard it. */
export function RebuildPanel() {
  const {
    data: view,
    error,
    refetch,
  } = useQuery({
    queryKey: ['rebuild'],
    queryFn: ({ signal }) => get<ViewState>(PATH, signal),
    refetchInterval: usePoll(POLL_MS),
  });
  if (error !== null) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (view === undefined) return <Loading what="the view" />;
  const rebuild = view.rebuild as Rebuild | null;
  return (
    <>
      <Card title="The view" actions={rebuild === null ? <BeginRebuild /> : undefined}>
        <dl className="facts">
          <dt>Rows were made by</dt>
          <dd>fold version {view.foldVersion}</dd>
          <dt>State</dt>
          <dd>
            <Badge tone={view.phase === 'steady' ? 'good' : 'info'}>{view.phase}</Badge>
          </dd>
          {view.awaitedFoldVersion === null ? null : (
            <>
              <dt>Awaited</dt>
              <dd>
                Rows and deliveries wait for a rebuild by fold version {view.awaitedFoldVersion}. Events are
                journaled meanwhile.
              </dd>
            </>
          )}
        </dl>
      </Card>
      {rebuild === null ? null : <UnderWay rebuild={rebuild} />}
      <Card title="Earlier rebuilds">
        <KindJobs kind="rebuild" />
      </Card>
    </>
  );
}

function BeginRebuild() {
  const addJobs = useAddJobs();
  const queries = useQueryClient();
  const begin = async (reason: string) => {
    const { id } = await post<Job>(PATH, { reason });
    addJobs([id]);
    await queries.invalidateQueries({ queryKey: ['rebuild'] });
  };
  return (
    <ConfirmDialog
      trigger="Rebuild the view"
      title="Rebuild the view beside the present one?"
      action="Begin"
      onConfirm={begin}
    >
      <p>
        Makes a second table from the whole journal and compares the two. The present table is read and
        written as before, and nothing is delivered, until somebody switches.
      </p>
    </ConfirmDialog>
  );
}

function UnderWay({ rebuild }: { readonly rebuild: Rebuild }) {
  const { id, foldVersion, report } = rebuild;
  return (
    <Card
      title={`Rebuild ${id.slice(0, 8)} by fold version ${foldVersion}`}
      actions={
        <>
          {report === null ? null : <Switch id={id} report={report} />}
          <Discard id={id} />
        </>
      }
    >
      {report === null ? (
        <p className="faint">The rows are being made. The report is there when all of them are.</p>
      ) : (
        <Report report={report} />
      )}
    </Card>
  );
}

function Switch({ id, report }: { readonly id: string; readonly report: RebuildReport }) {
  const addJobs = useAddJobs();
  const queries = useQueryClient();
  const field = useId();
  const [keepOld, setKeepOld] = useState(false);
  const switchTo = async (reason: string) => {
    const job = await post<Job>(`${PATH}:switch`, { reason, keepOld });
    addJobs([job.id]);
    await queries.invalidateQueries();
  };
  const due = Object.entries(report.wouldBeDue).map(([target, count]) => `${count} to ${target}`);
  return (
    <ConfirmDialog
      className="primary"
      trigger="Switch to it"
      title={`Switch to the rebuild ${id.slice(0, 8)}?`}
      action="Switch"
      isDangerous
      onConfirm={switchTo}
    >
      <p>
        {report.rows.different} rows differ, {report.rows.added} are new, {report.rows.removed} go.{' '}
        {due.length === 0 ? 'Nothing would be delivered.' : `Would be delivered: ${due.join(', ')}.`}
      </p>
      <p>
        <label htmlFor={field}>
          <input
            id={field}
            type="checkbox"
            checked={keepOld}
            onChange={(event) => setKeepOld(event.target.checked)}
          />{' '}
          Keep the former table
        </label>
      </p>
    </ConfirmDialog>
  );
}

function Discard({ id }: { readonly id: string }) {
  const queries = useQueryClient();
  const discard = async (reason: string) => {
    await post(`${PATH}:discard`, { reason });
    say('The rebuild is discarded.');
    await queries.invalidateQueries();
  };
  return (
    <ConfirmDialog
      trigger="Discard it"
      title={`Discard the rebuild ${id.slice(0, 8)}?`}
      action="Discard"
      isDangerous
      onConfirm={discard}
    >
      <p>Drops the new table. The present one stays as it is.</p>
    </ConfirmDialog>
  );
}
