import { useQueryClient } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import type { Discarded, Job } from '../../api/types.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { FilterWords, Names, RedriveDialog } from '../../parts/redrive-dialog.tsx';
import { say } from '../../parts/toasts.tsx';
import { useAddJobs } from '../../parts/url-jobs.tsx';
import { countText, plural } from '../../text/numbers.ts';

/** Records by name, or all open ones that a filter matches. */
export type Selection =
  | { readonly records: readonly string[] }
  | { readonly filter: Readonly<Record<string, string>> };

interface ActionProps {
  readonly selection: Selection;
  readonly words: string;
  readonly isDisabled?: boolean;
  readonly onDone?: () => void;
}

const NO_FILTER = 'All open records: no filter is set.';
/** One request discards at most 10,000 records. */
const REQUESTS_MAX = 1_000;

function Touches({ selection }: Pick<ActionProps, 'selection'>) {
  return 'records' in selection ? (
    <Names names={selection.records} />
  ) : (
    <FilterWords filter={selection.filter} all={NO_FILTER} />
  );
}

export function RedriveRecords({ selection, words, isDisabled = false, onDone }: ActionProps) {
  const addJobs = useAddJobs();
  const begin = (dryRun: boolean, reason: string) =>
    post<Job>('/api/v1/quarantine:redrive', { ...selection, dryRun, reason });
  return (
    <RedriveDialog
      trigger={`Redrive ${words}`}
      title={`Redrive ${words}?`}
      isDisabled={isDisabled}
      touches={
        <>
          <p>
            Decodes the bytes of each record again, and journals those that are events for the decoder of
            today.
          </p>
          <Touches selection={selection} />
        </>
      }
      tryOut={() => begin(true, 'Dry run from the console')}
      redrive={async (reason) => {
        const { id } = await begin(false, reason);
        addJobs([id]);
        onDone?.();
      }}
    />
  );
}

export function DiscardRecords({ selection, words, isDisabled = false, onDone }: ActionProps) {
  const queries = useQueryClient();
  const discard = async (reason: string) => {
    let discarded = 0;
    for (let request = 0; request < REQUESTS_MAX; request++) {
      const answer = await post<Discarded>('/api/v1/quarantine:discard', { ...selection, reason });
      discarded += answer.discarded;
      if (!answer.hasMore) break;
    }
    say(`${plural(discarded, 'record')} discarded.`, 'The table keeps what you discard, with your reason.');
    onDone?.();
    await queries.invalidateQueries();
  };
  return (
    <ConfirmDialog
      trigger={`Discard ${words}`}
      title={`Discard ${words}?`}
      action={`Discard ${'records' in selection ? countText(selection.records.length) : 'all that match'}`}
      isDangerous
      isDisabled={isDisabled}
      onConfirm={discard}
    >
      <p>
        Settles the records as not wanted. Their bytes stay in the table, and nothing of them is journaled.
      </p>
      <Touches selection={selection} />
    </ConfirmDialog>
  );
}
