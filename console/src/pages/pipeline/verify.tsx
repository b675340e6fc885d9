import { useId, useState } from 'react';
import { post } from '../../api/client.ts';
import type { Job, Status } from '../../api/types.ts';
import { Card } from '../../parts/card.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Choice } from '../../parts/filters.tsx';
import { FilterWords } from '../../parts/redrive-dialog.tsx';
import { useAddJobs } from '../../parts/url-jobs.tsx';
import { said } from '../../text/words.ts';
import { KindJobs } from './kind-jobs.tsx';

const SCOPES = [
  ['100', said('100 orders at random')],
  ['1000', said('1,000 orders at random')],
  ['10000', said('10,000 orders at random')],
  ['all', said('all orders')],
] as const;

/** Begins a comparison of view, ledger and, if wanted, a target with the journal. */
export function Verify({ status }: { readonly status: Status }) {
  const addJobs = useAddJobs();
  const field = useId();
  const [scope, setScope] = useState('1000');
  const [target, setTarget] = useState('');
  const [repairs, setRepairs] = useState(false);
  const body = {
    ...(scope === 'all' ? { all: true } : { sample: Number(scope) }),
    ...(target === '' ? {} : { target }),
    repair: repairs,
  };
  const verify = async (reason: string) => {
    const { id } = await post<Job>('/api/v1/verifications', { ...body, reason });
    addJobs([id]);
  };
  return (
    <>
      <Card title="Compare with the journal">
        <p className="faint">
          Makes each row again from the journal, and compares it with the view and the ledger. A target that
          tells what it holds can be compared too.
        </p>
        <div className="filters verify-form">
          <Choice label={said('Orders')} value={scope} options={SCOPES} onChange={setScope} />
          <Choice
            label="Target"
            value={target}
            options={[
              ['', 'none'],
              ...status.outbox.map((outbox) => [outbox.target, outbox.target] as const),
            ]}
            onChange={setTarget}
          />
          <label className="travel-mode" htmlFor={field}>
            <input
              id={field}
              type="checkbox"
              checked={repairs}
              onChange={(event) => setRepairs(event.target.checked)}
            />{' '}
            Put right what differs
          </label>
          <ConfirmDialog
            className="primary"
            trigger="Compare"
            title={repairs ? 'Compare, and put right what differs?' : 'Compare?'}
            action={repairs ? 'Compare and repair' : 'Compare'}
            isDangerous={repairs}
            onConfirm={verify}
          >
            <p>{repairs ? 'Rows and due deliveries that differ are made right.' : 'Nothing is changed.'}</p>
            <FilterWords
              filter={Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]))}
              all=""
            />
          </ConfirmDialog>
        </div>
      </Card>
      <Card title="Earlier comparisons">
        <KindJobs kind="verify" />
      </Card>
    </>
  );
}
