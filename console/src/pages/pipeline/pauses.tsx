import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../api/client.ts';
import { usePoll } from '../../api/live.tsx';
import type { Hold, HoldPart, Page, Status } from '../../api/types.ts';
import { Card } from '../../parts/card.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Choice } from '../../parts/filters.tsx';
import { Time } from '../../parts/time.tsx';
import { PauseButton, ReleaseButton } from './pause-button.tsx';

const POLL_MS = 5_000;

/** What operators have paused, and a form to pause more. */
export function Pauses({ status }: { readonly status: Status }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['holds'],
    queryFn: ({ signal }) => get<Page<Hold>>('/api/v1/holds', signal),
    refetchInterval: usePoll(POLL_MS),
  });
  return (
    <>
      <Card title="Paused now">
        {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
        {data === undefined ? (
          error === null ? (
            <Loading what="the pauses" />
          ) : null
        ) : data.data.length === 0 ? (
          <p className="faint">Nothing is paused.</p>
        ) : (
          <DataTable label="Pauses" columns={COLUMNS} rows={data.data} idOf={({ name }) => name} />
        )}
      </Card>
      <NewPause status={status} />
    </>
  );
}

const COLUMNS: readonly TableColumn<Hold>[] = [
  { id: 'name', header: 'Part', isName: true, cell: ({ name }) => name },
  { id: 'reason', header: 'Reason', cell: ({ reason }) => reason },
  { id: 'by', header: 'Paused by', cell: ({ heldBy }) => heldBy },
  { id: 'at', header: 'Since', cell: ({ heldAt }) => <Time at={heldAt} /> },
  { id: 'end', header: 'End', cell: ({ part, name }) => <ReleaseButton part={part} name={name} /> },
];

function NewPause({ status }: { readonly status: Status }) {
  const parts = partsOf(status);
  const [chosen, setChosen] = useState('ingest');
  const found = parts.find(({ key }) => key === chosen) ?? parts[0];
  if (found === undefined) return null;
  return (
    <Card title="Pause a part">
      <div className="filters">
        <Choice
          label="Part"
          value={found.key}
          options={parts.map(({ key, name }) => [key, name] as const)}
          onChange={setChosen}
        />
        <PauseButton part={found.part} name={found.name} />
      </div>
    </Card>
  );
}

interface Part {
  readonly key: string;
  readonly name: string;
  readonly part: HoldPart;
}

/** Everything that can be paused. */
function partsOf({ partitions, outbox }: Status): Part[] {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  return [
    { key: 'ingest', name: 'all ingest', part: { kind: 'ingest' } },
    ...topics.map((topic) => ({
      key: `topic ${topic}`,
      name: `topic ${topic}`,
      part: { kind: 'topic' as const, topic },
    })),
    ...partitions.map(({ name, topic, partition }) => ({
      key: `partition ${name}`,
      name: `partition ${name}`,
      part: { kind: 'partition' as const, topic, partition },
    })),
    ...outbox.map(({ target }) => ({
      key: `target ${target}`,
      name: `target ${target}`,
      part: { kind: 'target' as const, target },
    })),
  ];
}
