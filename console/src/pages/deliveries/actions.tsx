import { get, post } from '../../api/client.ts';
import type { Delivery, Job } from '../../api/types.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { FilterWords, Names, RedriveDialog } from '../../parts/redrive-dialog.tsx';
import { useAddJobs } from '../../parts/url-jobs.tsx';
import { plural } from '../../text/numbers.ts';
import { said } from '../../text/words.ts';
import { deliveryName } from './filters.ts';

const begin = (filter: Readonly<Record<string, string>>, dryRun: boolean, reason: string) =>
  post<Job>('/api/v1/dead-letters:redrive', { filter, dryRun, reason });

/** Makes all dead letters due again that the filter matches. */
export function RedriveMatching({
  filter,
  isDisabled,
}: {
  readonly filter: Readonly<Record<string, string>>;
  readonly isDisabled: boolean;
}) {
  const addJobs = useAddJobs();
  const words = Object.keys(filter).length === 0 ? 'all dead letters' : 'all dead letters that match';
  return (
    <RedriveDialog
      trigger={`Redrive ${words}`}
      title={`Redrive ${words}?`}
      isDisabled={isDisabled}
      touches={
        <>
          <p>{said('Makes the latest state of each order due again, as if it had never been attempted.')}</p>
          <FilterWords filter={filter} all="All dead letters of all targets: no filter is set." />
        </>
      }
      tryOut={() => begin(filter, true, 'Dry run from the console')}
      redrive={async (reason) => addJobs([(await begin(filter, false, reason)).id])}
    />
  );
}

/** More than these are better redriven by a filter, because each chosen one is a job of its own. */
export const CHOSEN_MAX = 50;

/** Makes the chosen dead letters due again. It looks first whether each is still dead. */
export function RedriveChosen({
  chosen,
  onDone,
}: {
  readonly chosen: readonly Delivery[];
  readonly onDone: () => void;
}) {
  const addJobs = useAddJobs();
  const redrive = async (reason: string) => {
    const ids: string[] = [];
    try {
      for (const { target, entityId } of chosen) {
        const path = `/api/v1/deliveries/${encodeURIComponent(target)}/${encodeURIComponent(entityId)}`;
        const now = await get<Delivery>(path);
        if (now.status === 'dead') ids.push((await begin({ target, entityId }, false, reason)).id);
      }
    } finally {
      // What has begun before a failure goes on, so its progress is shown too.
      if (ids.length > 0) addJobs(ids);
    }
    if (ids.length === 0) throw new Error('None of them is dead any more.');
    onDone();
  };
  return (
    <ConfirmDialog
      trigger={`Redrive ${plural(chosen.length, 'chosen dead letter')}`}
      title={`Redrive ${chosen.length} of the dead letters?`}
      action={`Redrive ${chosen.length}`}
      isDisabled={chosen.length === 0 || chosen.length > CHOSEN_MAX}
      onConfirm={redrive}
    >
      <p>
        {said('Makes the latest state of each order due again, as if it had never been attempted.')} One that
        is not dead any more is left as it is.
      </p>
      <Names names={chosen.map(deliveryName)} />
    </ConfirmDialog>
  );
}
