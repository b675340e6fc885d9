import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { Link } from 'wouter';
import { useMayOperate } from '../../api/access.ts';
import { post } from '../../api/client.ts';
import type { Page, PartitionStatus, Resumed } from '../../api/types.ts';
import { Card } from '../../parts/card.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Names } from '../../parts/redrive-dialog.tsx';
import { say } from '../../parts/toasts.tsx';
import { plural } from '../../text/numbers.ts';
import { faultOfOffset, meaningOf, missingRange, rangeText } from './halt-range.ts';

const RESUME = '/api/v1/partitions:resume';

/** The partitions that stand still, each with the decision that an operator has to make. */
export function Halts({ halted }: { readonly halted: readonly PartitionStatus[] }) {
  const mayOperate = useMayOperate();
  const names = halted.map(({ name }) => name).join();
  // The dry run of a decision for all says where each would go on by the rule of its halt.
  const { data: plan } = useQuery({
    queryKey: ['resume plan', names],
    queryFn: () => post<Page<Resumed>>(RESUME, { all: true, dryRun: true, reason: 'Look from the console' }),
    enabled: mayOperate,
    retry: false,
  });
  const planned = plan?.data ?? [];
  const ruled = planned.filter(({ toOffset }) => toOffset != null);
  return (
    <>
      {halted.map((partition) => (
        <Halt
          key={partition.name}
          partition={partition}
          plan={planned.find(
            ({ topic, partition: number }) => topic === partition.topic && number === partition.partition,
          )}
        />
      ))}
      {ruled.length < 2 ? null : <ResumeAll ruled={ruled} />}
    </>
  );
}

function ResumeAll({ ruled }: { readonly ruled: readonly Resumed[] }) {
  const queries = useQueryClient();
  const resume = async (reason: string) => {
    const { data } = await post<Page<Resumed>>(RESUME, { all: true, reason });
    const failed = data.filter(({ resumed }) => resumed !== true);
    say(
      `${plural(data.length - failed.length, 'partition')} go on.`,
      failed.map(({ failure }) => failure).join(' '),
    );
    await queries.invalidateQueries();
  };
  return (
    <div className="actions-bar">
      <ConfirmDialog
        trigger={`Let all ${ruled.length} go on by the rules of their halts`}
        title={`Let ${ruled.length} partitions go on?`}
        action={`Let ${ruled.length} go on`}
        isDangerous
        onConfirm={resume}
      >
        <Names
          names={ruled.map(
            ({ topic, partition, toOffset, explanation }) =>
              `${topic}/${partition} at ${toOffset}: ${explanation ?? ''}`,
          )}
        />
      </ConfirmDialog>
    </div>
  );
}

type Choice = 'rule' | 'earliest' | 'offset';

function Halt({
  partition,
  plan,
}: {
  readonly partition: PartitionStatus;
  readonly plan: Resumed | undefined;
}) {
  const queries = useQueryClient();
  const [picked, setPicked] = useState<Choice | null>(null);
  const [typed, setTyped] = useState('');
  const { name, haltReason } = partition;
  const ruled = plan?.toOffset ?? null;
  const choice = picked ?? (ruled === null ? 'earliest' : 'rule');
  const at = offsetOf(choice, ruled, typed, partition);
  const resume = async (reason: string) => {
    await post(RESUME, { partition: name, at: choice === 'earliest' ? 'earliest' : at, reason });
    say(`${name} goes on at offset ${at}.`);
    await queries.invalidateQueries();
  };
  return (
    <Card
      title={`${name} is halted`}
      actions={<Link href={`/audit?find=${encodeURIComponent(name)}`}>Earlier decisions</Link>}
    >
      <p className="halt-reason">{haltReason}</p>
      <HaltFacts partition={partition} />
      <Choices
        partition={partition}
        plan={plan}
        choice={choice}
        typed={typed}
        onPick={setPicked}
        onType={setTyped}
      />
      <div className="row-actions">
        <ConfirmDialog
          className="primary"
          trigger={at === null ? 'Let it go on' : `Let it go on at ${at}`}
          title={`Let ${name} go on at offset ${at}?`}
          action="Decide"
          isDangerous
          isDisabled={at === null}
          onConfirm={resume}
        >
          <p>{at === null ? '' : meaningOf(at, partition)}</p>
        </ConfirmDialog>
        {at === null ? null : <span>{meaningOf(at, partition)}</span>}
      </div>
    </Card>
  );
}

/** The chosen offset; null while there is none. */
function offsetOf(
  choice: Choice,
  ruled: string | null,
  typed: string,
  partition: PartitionStatus,
): string | null {
  if (choice === 'rule') return ruled;
  if (choice === 'earliest') return partition.logStartOffset;
  return faultOfOffset(typed, partition) === null ? typed : null;
}

function HaltFacts({ partition }: { readonly partition: PartitionStatus }) {
  const { nextOffset, logStartOffset, logEndOffset } = partition;
  const missing = missingRange(partition);
  return (
    <dl className="facts">
      <dt>Next offset to journal</dt>
      <dd>{nextOffset ?? 'not begun'}</dd>
      <dt>The log has</dt>
      <dd>
        {logStartOffset ?? '?'} to {logEndOffset ?? '?'}
      </dd>
      <dt>Missing range</dt>
      <dd>{missing === null ? 'none: the log still has everything' : rangeText(missing)}</dd>
    </dl>
  );
}

interface ChoicesProps {
  readonly partition: PartitionStatus;
  readonly plan: Resumed | undefined;
  readonly choice: Choice;
  readonly typed: string;
  readonly onPick: (choice: Choice) => void;
  readonly onType: (text: string) => void;
}

function Choices({ partition, plan, choice, typed, onPick, onType }: ChoicesProps) {
  const group = useId();
  const ruled = plan?.toOffset ?? null;
  const choices: readonly (readonly [Choice, string])[] = [
    ...(ruled === null
      ? []
      : [['rule', `At offset ${ruled}, by the rule of its halt: ${plan?.explanation ?? ''}`] as const]),
    ['earliest', `At the start of the log, offset ${partition.logStartOffset ?? 'not known'}`],
    ['offset', 'At another offset'],
  ];
  const fault = faultOfOffset(typed, partition);
  return (
    <fieldset className="halt-choices">
      <legend className="field-label">Where it goes on</legend>
      {choices.map(([value, words]) => (
        <label key={value}>
          <input type="radio" name={group} checked={choice === value} onChange={() => onPick(value)} />{' '}
          {words}
        </label>
      ))}
      {choice !== 'offset' ? null : (
        <div className="field halt-offset">
          <label htmlFor={`${group}-offset`}>Offset</label>
          <input
            id={`${group}-offset`}
            inputMode="numeric"
            value={typed}
            aria-invalid={typed !== '' && fault !== null}
            aria-describedby={`${group}-fault`}
            onChange={(event) => onType(event.target.value.trim())}
          />
          <span id={`${group}-fault`} className="faint">
            {typed === '' ? '' : fault}
          </span>
        </div>
      )}
    </fieldset>
  );
}
