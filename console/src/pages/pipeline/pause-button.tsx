import { useQueryClient } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import type { HoldPart } from '../../api/types.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { say } from '../../parts/toasts.tsx';

interface Props {
  readonly part: HoldPart;
  /** The part in words, as in `partition order_events/3`. */
  readonly name: string;
}

/** Pauses a part of the pipeline. */
export function PauseButton({ part, name }: Props) {
  const queries = useQueryClient();
  const pause = async (reason: string) => {
    await post('/api/v1/holds', { part, reason });
    say(`Paused: ${name}.`);
    await queries.invalidateQueries();
  };
  return (
    <ConfirmDialog trigger="Pause" title={`Pause ${name}?`} action="Pause" onConfirm={pause}>
      <p>
        {MEANINGS[part.kind]} It stays so on all instances, also after a restart, until somebody ends the
        pause.
      </p>
    </ConfirmDialog>
  );
}

const MEANINGS: Readonly<Record<HoldPart['kind'], string>> = {
  ingest: 'Nothing is read from any topic.',
  topic: 'Nothing is read from this topic.',
  partition: 'Nothing is read from this partition.',
  target: 'Nothing is sent to this target. States become due as before.',
};

/** Ends a pause. The part goes on where it stopped. */
export function ReleaseButton({ part, name }: Props) {
  const queries = useQueryClient();
  const release = async (reason: string) => {
    await post('/api/v1/holds:release', { part, reason });
    say(`Goes on: ${name}.`);
    await queries.invalidateQueries();
  };
  return (
    <ConfirmDialog
      trigger="End the pause"
      title={`Let ${name} go on?`}
      action="End the pause"
      onConfirm={release}
    >
      <p>It goes on where it stopped.</p>
    </ConfirmDialog>
  );
}
