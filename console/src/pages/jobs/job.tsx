import { Link } from 'wouter';
import type { Job } from '../../api/types.ts';
import { usePathPart } from '../../location.ts';
import { Card } from '../../parts/card.tsx';
import { CopyCurl, CopyJson } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import {
  CancelJob,
  isOver,
  JobBadge,
  KIND_WORDS,
  ProgressCounts,
  useJob,
} from '../../parts/job-progress.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';

export default function JobPage() {
  const id = usePathPart(1);
  const { data: job, error, refetch } = useJob(id);
  return (
    <Page
      title={job === undefined ? `Job ${id}` : KIND_WORDS[job.kind]}
      shortTitle={`Job ${id.slice(0, 8)}`}
      actions={
        <>
          {job === undefined || isOver(job) ? null : <CancelJob job={job} />}
          {job === undefined ? null : <CopyJson value={job} />}
          <CopyCurl path={`/api/v1/jobs/${encodeURIComponent(id)}`} />
        </>
      }
    >
      <p className="page-intro">
        <Link href="/jobs">All jobs</Link>
      </p>
      {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {job === undefined ? error === null ? <Loading what="the job" /> : null : <Parts job={job} />}
    </Page>
  );
}

function Parts({ job }: { readonly job: Job }) {
  const { id, requestedBy, reason, createdAt, updatedAt, finishedAt, parameters, filter } = job;
  const asked = parameters ?? filter ?? null;
  const others = Object.entries(job.progress).filter(
    ([, value]) => typeof value === 'object' && value !== null,
  );
  return (
    <>
      <Card title="Where it stands">
        <dl className="facts">
          <dt>State</dt>
          <dd>
            <div role="status">
              <JobBadge job={job} />
            </div>
          </dd>
          <dt>Id</dt>
          <dd className="id">{id}</dd>
          <dt>Asked for by</dt>
          <dd>{requestedBy}</dd>
          <dt>Reason</dt>
          <dd>{reason === '' ? 'none given' : reason}</dd>
          <dt>Begun</dt>
          <dd>
            <Time at={createdAt} />
          </dd>
          <dt>{finishedAt == null ? 'Last step' : 'Ended'}</dt>
          <dd>
            <Time at={finishedAt ?? updatedAt} />
          </dd>
        </dl>
        {isOver(job) ? null : <progress aria-label="The job is under way" />}
      </Card>
      <Card title="Progress">
        <ProgressCounts job={job} />
        {others.length === 0 ? null : (
          <details>
            <summary>In full</summary>
            <JsonView value={job.progress} label="Progress of the job" />
          </details>
        )}
      </Card>
      <Card title="What it was asked for">
        {asked === null ? (
          <p className="faint">It has no parameters.</p>
        ) : (
          <JsonView value={asked} label="Parameters" />
        )}
      </Card>
    </>
  );
}
