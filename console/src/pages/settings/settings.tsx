import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useAccess } from '../../api/access.ts';
import { get } from '../../api/client.ts';
import type { Setting, Settings } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';
import { Card } from '../../parts/card.tsx';
import { CopyJson } from '../../parts/copy-button.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { DocumentLink } from '../../parts/document-link.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Filters, TextFilter, Toggle } from '../../parts/filters.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { Page } from '../../parts/page.tsx';
import { useEventSchemas } from '../try/use-event-schemas.ts';

export default function SettingsPage() {
  const {
    data: settings,
    error,
    refetch,
  } = useQuery({
    queryKey: ['settings'],
    queryFn: ({ signal }) => get<Settings>('/api/v1/settings', signal),
    staleTime: 60_000,
  });
  return (
    <Page
      title="Settings"
      intro="With what this instance runs, and where each value comes from. Secrets are masked."
    >
      <Versions settings={settings} />
      <Card
        title="Effective settings"
        actions={settings === undefined ? undefined : <CopyJson value={settings} />}
      >
        {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
        {settings === undefined ? (
          error === null ? (
            <Loading what="the settings" />
          ) : null
        ) : (
          <Entries entries={settings.entries} />
        )}
      </Card>
      <Card title="Event schemas">
        <Schemas />
      </Card>
    </Page>
  );
}

function Versions({ settings }: { readonly settings: Settings | undefined }) {
  const access = useAccess();
  return (
    <Card title="This instance">
      <dl className="facts">
        {settings === undefined ? null : (
          <>
            <dt>Program</dt>
            <dd>
              {settings.program} {settings.version}
              {settings.commit === null ? '' : `, commit ${settings.commit}`}
            </dd>
            <dt>Node</dt>
            <dd>{settings.node}</dd>
          </>
        )}
        <dt>Your access</dt>
        <dd>
          {access === undefined
            ? 'not known yet'
            : access.keyNeeded
              ? `key ${access.keyName ?? ''} with the scopes ${access.scopes.join(' and ')}`
              : 'no key is needed: only this machine reaches it'}
        </dd>
        <dt>Descriptions</dt>
        <dd>
          <span className="row-actions">
            <DocumentLink path="/openapi.json" name="openapi.json" words="OpenAPI of the HTTP API" />
            <DocumentLink path="/asyncapi.json" name="asyncapi.json" words="AsyncAPI of the topics" />
          </span>
        </dd>
      </dl>
    </Card>
  );
}

function Entries({ entries }: { readonly entries: readonly Setting[] }) {
  const [find, setFind] = useState('');
  const [onlySet, setOnlySet] = useState(false);
  const shown = useMemo(
    () =>
      entries.filter(
        ({ name, source }) =>
          name.toLowerCase().includes(find.toLowerCase()) && (!onlySet || source !== 'default'),
      ),
    [entries, find, onlySet],
  );
  return (
    <>
      <Filters
        label="Filter of settings"
        isActive={find !== '' || onlySet}
        onClear={() => {
          setFind('');
          setOnlySet(false);
        }}
      >
        <TextFilter label="Name" type="search" value={find} placeholder="DELIVERY" onChange={setFind} />
        <Toggle label="Not the default" isOn={onlySet} onChange={setOnlySet} />
      </Filters>
      <DataTable label="Settings" columns={COLUMNS} rows={shown} idOf={({ name }) => name} />
    </>
  );
}

const COLUMNS: readonly TableColumn<Setting>[] = [
  {
    id: 'name',
    header: 'Setting',
    isName: true,
    cell: ({ name, help }) => (
      <>
        <code>{name}</code>
        <p className="faint setting-help">{help}</p>
      </>
    ),
  },
  {
    id: 'value',
    header: 'Value',
    cell: ({ value }) =>
      value === null ? <span className="faint">not set</span> : <code>{String(value)}</code>,
  },
  {
    id: 'source',
    header: 'Source',
    cell: ({ source, from }) => (
      <>
        <Badge tone={source === 'default' ? 'plain' : 'info'}>{source}</Badge>{' '}
        {source === 'default' ? '' : <code>{from}</code>}
      </>
    ),
  },
];

function Schemas() {
  const { data, error } = useEventSchemas();
  if (error !== null) return <ErrorNote error={error} />;
  return data?.map(({ eventType, topic, schema }) => (
    <details key={eventType}>
      <summary>
        {eventType}, on the topic {topic}
      </summary>
      <JsonView value={schema} label={`Schema of ${eventType}`} />
    </details>
  ));
}
