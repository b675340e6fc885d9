import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { get, post } from '../api/client.ts';
import type { Job } from '../api/types.ts';
import { wordsOf } from '../text/json.ts';
import { countText } from '../text/numbers.ts';
import { Badge, type Tone } from './badge.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { ErrorNote } from './error-note.tsx';
import { say } from './toasts.tsx';

const POLL_MS = 700;

export function isOver({ state }: Pick<Job, 'state'>): boolean {
  return state === 'done' || state === 'cancelled';
}

/** A job, read again and again until it is over. */
export function useJob(id: string | null) {
  return useQuery({
    queryKey: ['job', id],
    queryFn: ({ signal }) => get<Job>(`/api/v1/jobs/${encodeURIComponent(id ?? '')}`, signal),
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data !== undefined && isOver(state.data) ? false : POLL_MS),
  });
}

const STATE_TONES: Readonly<Record<Job['state'], Tone>> = {
  waiting: 'info',
  running: 'info',
  done: 'good',
  cancelled: 'warn',
};

export function JobBadge({ job }: { readonly job: Pick<Job, 'state' | 'dryRun'> }) {
  return (
    <>
      <Badge tone={STATE_TONES[job.state]}>{job.state}</Badge>
      {job.dryRun ? (
        <>
          {' '}
          <Badge tone="plain">dry run</Badge>
        </>
      ) : null}
    </>
  );
}

export const KIND_WORDS: Readonly<Record<Job['kind'], string>> = {
  redrive: 'Redrive of dead letters',
  quarantine_redrive: 'Redrive of quarantined records',
  verify: 'Verification',
  rebuild: 'Rebuild of the view',
};

/** The job that the address names, with its counts. It says when the job is over, and has the lists read again. */
export function JobProgress({ id, onClose }: { readonly id: string; readonly onClose?: () => void }) {
  const queries = useQueryClient();
  const { data: job, error } = useJob(id);
  const state = job?.state;
  const seen = useRef<Job['state'] | undefined>(undefined);
  useEffect(() => {
    const before = seen.current;
    seen.current = state;
    if (state === undefined || before === state || !isOver({ state })) return;
    // A job that was over at the first look may have been over long ago, as after a reload.
    if (before !== undefined) say(state === 'done' ? 'The job is done.' : 'The job was cancelled.');
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'job' });
  }, [state, queries]);
  if (error !== null) return <ErrorNote error={error} />;
  if (job === undefined) return null;
  return (
    <section className="job-progress" aria-label="Progress of the job">
      <div className="row-actions">
        <strong>{KIND_WORDS[job.kind]}</strong>
        <JobBadge job={job} />
        <Link href={`/jobs/${job.id}`}>Job {job.id.slice(0, 8)}</Link>
        <span className="row-end">
          {isOver(job) ? null : <CancelJob job={job} />}
          {onClose === undefined ? null : (
            <button type="button" className="quiet" onClick={onClose}>
              Hide
            </button>
          )}
        </span>
      </div>
      {isOver(job) ? null : <progress aria-label={`${KIND_WORDS[job.kind]} under way`} />}
      <ProgressCounts job={job} />
    </section>
  );
}

export function CancelJob({ job }: { readonly job: Job }) {
  const queries = useQueryClient();
  return (
    <ConfirmDialog
      trigger="Cancel job"
      title={`Cancel the job ${job.id}?`}
      action="Cancel the job"
      isDangerous
      onConfirm={async (reason) => {
        await post<Job>(`/api/v1/jobs/${encodeURIComponent(job.id)}:cancel`, { reason });
        await queries.invalidateQueries({ queryKey: ['job', job.id] });
      }}
    >
      <p>{KIND_WORDS[job.kind]}. What it has done stays done.</p>
    </ConfirmDialog>
  );
}

/** The counts of a job: numbers, and numbers by name. Other parts of its progress stand on the page of the job. */
export function ProgressCounts({ job }: { readonly job: Pick<Job, 'progress'> }) {
  const counts = countsOf(job.progress);
  if (counts.length === 0) return <p className="faint">It has not begun yet.</p>;
  return (
    <dl className="counts">
      {counts.map(([name, text]) => (
        <div key={name}>
          <dt>{wordsOf(name)}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function countsOf(progress: Readonly<Record<string, unknown>>): (readonly [name: string, text: string])[] {
  return Object.entries(progress).flatMap(([name, value]): (readonly [string, string])[] => {
    if (typeof value === 'number') return [[name, countText(value)]];
    if (typeof value === 'string') return [[name, value]];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    const parts = Object.entries(value).filter(
      (part): part is [string, number] => typeof part[1] === 'number',
    );
    return parts.length === 0
      ? []
      : [[name, parts.map(([part, count]) => `${part} ${countText(count)}`).join(', ')]];
  });
}
