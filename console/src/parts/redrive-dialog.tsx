import { Dialog } from '@base-ui/react/dialog';
import { type FormEvent, type ReactNode, useEffect, useId, useState } from 'react';
import { useMayOperate } from '../api/access.ts';
import type { Job } from '../api/types.ts';
import { NEEDS_OPERATE } from './confirm-dialog.tsx';
import { ErrorNote } from './error-note.tsx';
import { isOver, ProgressCounts, useJob } from './job-progress.tsx';

interface RedriveProps {
  readonly trigger: string;
  readonly title: string;
  /** What it touches, by name or by its filter. */
  readonly touches: ReactNode;
  readonly isDisabled?: boolean;
  /** Begins the job that only counts. */
  readonly tryOut: () => Promise<Job>;
  /** Does it. */
  readonly redrive: (reason: string) => Promise<void>;
}

/** A redrive in two steps: first a dry run says what would happen, then the operator confirms with a reason. */
export function RedriveDialog(props: RedriveProps) {
  const mayOperate = useMayOperate();
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog.Root open={isOpen} onOpenChange={setOpen}>
      <Dialog.Trigger
        disabled={!mayOperate || props.isDisabled === true}
        title={mayOperate ? undefined : NEEDS_OPERATE}
      >
        {props.trigger}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title className="dialog-title">{props.title}</Dialog.Title>
          <Steps {...props} onDone={() => setOpen(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Steps({ touches, tryOut, redrive, onDone }: RedriveProps & { readonly onDone: () => void }) {
  const field = useId();
  const [jobId, setJobId] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const { data: job, error: lost } = useJob(jobId);
  const isTried = job !== undefined && isOver(job);
  const numberOf = (name: string) => {
    const value = job?.progress[name];
    return typeof value === 'number' ? value : null;
  };
  const matched = numberOf('matched') ?? 0;
  // Only a redrive of records says how many of them pass.
  const passing = numberOf('passed') ?? matched;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the dry run begins once, when the dialog opens
  useEffect(() => {
    tryOut().then(({ id }) => setJobId(id), setError);
  }, []);
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await redrive(reason.trim());
      onDone();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void confirm(event)}>
      <div className="dialog-text">
        {touches}
        <div role="status">
          <p>
            <strong>{isTried ? 'A dry run found:' : 'A dry run counts what this would touch…'}</strong>
          </p>
          {isTried ? <ProgressCounts job={job} /> : null}
          {isTried && matched === 0 ? <p>There is nothing to redrive.</p> : null}
          {isTried && matched > 0 && passing === 0 ? (
            <p>
              The decoder of today refuses all of them too: a redrive journals nothing, and notes the reasons
              of today.
            </p>
          ) : null}
        </div>
      </div>
      <div className="field">
        <label htmlFor={field}>Reason, which the audit log keeps</label>
        <textarea
          id={field}
          rows={2}
          value={reason}
          maxLength={1_000}
          required
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {error === null && lost === null ? null : <ErrorNote error={error ?? lost} />}
      <div className="dialog-actions">
        <Dialog.Close disabled={isBusy}>Cancel</Dialog.Close>
        <button
          type="submit"
          className="primary"
          disabled={!isTried || matched === 0 || isBusy || reason.trim() === ''}
        >
          {isBusy ? 'Working…' : isTried ? `Redrive ${matched}` : 'Redrive'}
        </button>
      </div>
    </form>
  );
}

/** A filter in words: its parts, or that it takes everything. */
export function FilterWords({
  filter,
  all,
}: {
  readonly filter: Readonly<Record<string, string>>;
  readonly all: string;
}) {
  const parts = Object.entries(filter);
  if (parts.length === 0) return <p>{all}</p>;
  return (
    <ul className="touches">
      {parts.map(([name, value]) => (
        <li key={name}>
          {name} = {value}
        </li>
      ))}
    </ul>
  );
}

/** The names of what is touched. */
export function Names({ names }: { readonly names: readonly string[] }) {
  return (
    <ul className="touches">
      {names.map((name) => (
        <li key={name}>{name}</li>
      ))}
    </ul>
  );
}
