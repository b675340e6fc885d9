import { Link } from 'wouter';
import { usePoll } from '../../api/live.tsx';
import type { Job } from '../../api/types.ts';
import { type TableColumn, TIME_IN_ONE_LINE } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { JobBadge, KIND_WORDS } from '../../parts/job-progress.tsx';
import { List } from '../../parts/list.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { usePages } from '../../parts/use-pages.ts';

const POLL_MS = 3_000;

export default function Jobs() {
  const pages = usePages<Job>(['jobs'], '/api/v1/jobs', {}, { every: usePoll(POLL_MS) });
  return (
    <Page
      title="Jobs"
      intro="Work that is kept in the store with its place, so that any instance goes on with it: redrives, verifications, rebuilds."
    >
      <List
        label="Jobs"
        nouns={['job', 'jobs']}
        pages={pages}
        columns={COLUMNS}
        idOf={({ id }) => id}
        empty={
          <EmptyState title="There is no job yet.">
            A redrive, a comparison or a rebuild makes one. You begin them on the pages of what they work on.
          </EmptyState>
        }
      />
    </Page>
  );
}

const COLUMNS: readonly TableColumn<Job>[] = [
  {
    id: 'kind',
    header: 'Job',
    isName: true,
    cell: ({ id, kind }) => <Link href={`/jobs/${id}`}>{KIND_WORDS[kind]}</Link>,
  },
  { id: 'state', header: 'State', width: 10, cell: (job) => <JobBadge job={job} /> },
  {
    id: 'created',
    header: 'Begun',
    width: TIME_IN_ONE_LINE,
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
  { id: 'by', header: 'Asked for by', width: 20, cell: ({ requestedBy }) => requestedBy },
  { id: 'reason', header: 'Reason', width: 20, cell: ({ reason }) => reason },
  { id: 'id', header: 'Id', cell: ({ id }) => <span className="id">{id.slice(0, 8)}</span> },
];
