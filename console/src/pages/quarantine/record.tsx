import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../../api/client.ts';
import type { QuarantinedRecord } from '../../api/types.ts';
import { usePathPart } from '../../location.ts';
import { Badge } from '../../parts/badge.tsx';
import { BytesView } from '../../parts/bytes-view.tsx';
import { Card } from '../../parts/card.tsx';
import { CopyCurl, CopyJson } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { Page } from '../../parts/page.tsx';
import { RecordHeaders } from '../../parts/record-headers.tsx';
import { Time } from '../../parts/time.tsx';
import { UrlJobs } from '../../parts/url-jobs.tsx';
import { countText } from '../../text/numbers.ts';
import { DiscardRecords, RedriveRecords } from './actions.tsx';
import { recordName } from './filters.ts';

export default function RecordPage() {
  const place = { topic: usePathPart(1), partition: Number(usePathPart(2)), offset: usePathPart(3) };
  const path = `/api/v1/quarantine/${encodeURIComponent(place.topic)}/${place.partition}/${encodeURIComponent(place.offset)}`;
  const { data, error, refetch } = useQuery({
    queryKey: ['quarantine', 'record', path],
    queryFn: ({ signal }) => get<{ readonly data: readonly QuarantinedRecord[] }>(path, signal),
  });
  const records = data?.data;
  return (
    <Page
      title={`Refused record ${recordName(place)}`}
      actions={
        <>
          {data === undefined ? null : <CopyJson value={data} />}
          <CopyCurl path={path} />
        </>
      }
    >
      <p className="page-intro">
        <Link href="/quarantine">All of the quarantine</Link>
      </p>
      <UrlJobs />
      {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {records === undefined && error === null ? <Loading what="the record" /> : null}
      {records !== undefined && records.length > 1 ? (
        <p className="note">The topic was made again, so several records have had this offset.</p>
      ) : null}
      {records?.map((record) => (
        <OneRecord key={record.valueHash} record={record} />
      ))}
    </Page>
  );
}

function OneRecord({ record }: { readonly record: QuarantinedRecord }) {
  const { reason, detail, quarantinedAt, valueLength, valueHash, settled, isWhole, key, value } = record;
  const selection = { records: [recordName(record)] };
  return (
    <>
      <Card
        title="Why it was refused"
        actions={
          settled === null ? (
            <>
              <RedriveRecords selection={selection} words="this record" />
              <DiscardRecords selection={selection} words="this record" />
            </>
          ) : undefined
        }
      >
        <dl className="facts">
          <dt>Reason</dt>
          <dd>
            <code>{reason}</code>: {detail}
          </dd>
          <dt>Today's decoder</dt>
          <dd>
            <Today today={record.today} />
          </dd>
          <dt>Refused</dt>
          <dd>
            <Time at={quarantinedAt} />
          </dd>
          <dt>State</dt>
          <dd>
            {settled === null ? (
              <Badge tone="warn">open</Badge>
            ) : (
              <>
                <Badge tone={settled.as === 'redriven' ? 'good' : 'plain'}>{settled.as}</Badge> by{' '}
                {settled.by}, <Time at={settled.at} />:{' '}
                {settled.reason === '' ? 'no reason given' : settled.reason}
              </>
            )}
          </dd>
          <dt>SHA-256 of the value</dt>
          <dd className="id">{valueHash}</dd>
        </dl>
      </Card>
      <Card title={`Value, ${countText(valueLength)} bytes`}>
        <BytesView bytes={value} label="Value" />
        {isWhole ? null : <p className="faint">Only the first bytes were kept.</p>}
      </Card>
      <Card title="Key">
        <BytesView bytes={key} label="Key" />
      </Card>
      <Card title="Headers">
        <RecordHeaders
          headers={
            record.headers?.map(({ name, value }) => ({
              name,
              text: value?.text ?? null,
              base64: value?.base64 ?? null,
            })) ?? null
          }
        />
      </Card>
    </>
  );
}

/** What the decoder of this program says about the record now. */
function Today({ today }: Pick<QuarantinedRecord, 'today'>) {
  const { passes, reason, detail, orderId, eventType } = today as {
    readonly passes?: boolean;
    readonly reason?: string;
    readonly detail?: string;
    readonly orderId?: string;
    readonly eventType?: string;
  };
  if (passes === true)
    return (
      <>
        <Badge tone="good">takes it</Badge> as an event {eventType} of <OrderLink id={orderId ?? ''} />: a
        redrive journals it.
      </>
    );
  return (
    <>
      <Badge tone="bad">refuses it</Badge> <code>{reason}</code>: {detail}
    </>
  );
}
