import { AlertDialog } from '@base-ui/react/alert-dialog';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useMayOperate } from '../api/access.ts';
import { ErrorNote } from './error-note.tsx';

interface ConfirmProps {
  /** The words on the button that opens the dialog. */
  readonly trigger: string;
  /** The question, with the thing that is touched by name. */
  readonly title: string;
  readonly children?: ReactNode;
  /** The words on the button that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly needsReason?: boolean;
  readonly isDisabled?: boolean;
  readonly className?: string;
  /** Does it. The dialog closes when the promise resolves, and shows the error when it rejects. */
  readonly onConfirm: (reason: string) => Promise<unknown>;
}

/** A button whose action waits for a confirmation that names what it touches, with a reason for the audit log. */
export function ConfirmDialog(props: ConfirmProps) {
  const mayOperate = useMayOperate();
  const [isOpen, setOpen] = useState(false);
  return (
    <AlertDialog.Root open={isOpen} onOpenChange={setOpen}>
      <AlertDialog.Trigger
        className={props.className ?? ''}
        disabled={!mayOperate || props.isDisabled === true}
        title={mayOperate ? undefined : NEEDS_OPERATE}
      >
        {props.trigger}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">{props.title}</AlertDialog.Title>
          <ConfirmForm {...props} onDone={() => setOpen(false)} />
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

export const NEEDS_OPERATE = 'This needs a key with the scope operate.';

function ConfirmForm({
  children,
  action,
  isDangerous,
  needsReason = true,
  onConfirm,
  onDone,
}: ConfirmProps & {
  readonly onDone: () => void;
}) {
  const field = useId();
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onConfirm(reason.trim());
      onDone();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void confirm(event)}>
      <AlertDialog.Description render={<div className="dialog-text" />}>{children}</AlertDialog.Description>
      {needsReason ? (
        <div className="field">
          <label htmlFor={field}>Reason, which the audit log keeps</label>
          <textarea
            id={field}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            rows={2}
            maxLength={1_000}
            required
          />
        </div>
      ) : null}
      {error === null ? null : <ErrorNote error={error} />}
      <div className="dialog-actions">
        <AlertDialog.Close disabled={isBusy}>Cancel</AlertDialog.Close>
        <button
          type="submit"
          className={isDangerous === true ? 'danger' : 'primary'}
          disabled={isBusy || (needsReason && reason.trim() === '')}
        >
          {isBusy ? 'Working…' : action}
        </button>
      </div>
    </form>
  );
}
