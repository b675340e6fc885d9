import { useQueryState } from '../location.ts';
import { JobProgress } from './job-progress.tsx';

/** The jobs that the address of the page names, so that their progress survives a reload. */
export function UrlJobs() {
  const [query, change] = useQueryState();
  const ids = query.getAll('job');
  return ids.map((id) => (
    <JobProgress key={id} id={id} onClose={() => change({ job: ids.filter((other) => other !== id) })} />
  ));
}

/** Puts jobs into the address, in front of those that stand there. */
export function useAddJobs(): (ids: readonly string[]) => void {
  const [query, change] = useQueryState();
  return (ids) => change({ job: [...ids, ...query.getAll('job')] });
}
