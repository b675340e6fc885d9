import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../../api/client.ts';
import { usePoll } from '../../api/live.tsx';
import { pathOf } from '../../api/paths.ts';
import type { Job, JobPage } from '../../api/types.ts';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { JobBadge } from '../../parts/job-progress.tsx';
import { Time } from '../../parts/time.tsx';

const POLL_MS = 5_000;
const LOOKED_AT = 100;

/** The latest jobs of one kind. */
export function KindJobs({ kind }: { readonly kind: Job['kind'] }) {
  const { data } = useQuery({
    queryKey: ['jobs', 'latest'],
    queryFn: ({ signal }) => get<JobPage>(pathOf('/api/v1/jobs', { limit: LOOKED_AT }), signal),
    refetchInterval: usePoll(POLL_MS),
  });
  const jobs = (data?.data ?? []).filter((job) => job.kind === kind) as readonly Job[];
  if (jobs.length === 0) return <p className="faint">There is none among the latest {LOOKED_AT} jobs.</p>;
  return <DataTable label="Earlier jobs" columns={COLUMNS} rows={jobs} idOf={({ id }) => id} />;
}

const COLUMNS: readonly TableColumn<Job>[] = [
  {
    id: 'job',
    header: 'Job',
    isName: true,
    cell: ({ id }) => (
      <Link href={`/jobs/${id}`} className="id">
        {id}
      </Link>
    ),
  },
  { id: 'state', header: 'State', cell: (job) => <JobBadge job={job} /> },
  { id: 'at', header: 'Begun', cell: ({ createdAt }) => <Time at={createdAt} /> },
  { id: 'by', header: 'Asked for by', cell: ({ requestedBy }) => requestedBy },
  { id: 'reason', header: 'Reason', cell: ({ reason }) => reason },
];
