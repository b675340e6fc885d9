import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client.ts';
import type { LogRecord, OrderEvent } from '../../api/types.ts';
import { BytesView } from '../../parts/bytes-view.tsx';
import { CopyCurl } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { TextView } from '../../parts/json-view.tsx';
import { RecordHeaders } from '../../parts/record-headers.tsx';
import { utcText } from '../../text/time.ts';
import { eventWords } from './event-words.ts';

/** A button that opens everything about one event: what the journal has of it, and the record as the log has it. */
export function EventDialog({ event }: { readonly event: OrderEvent }) {
  const { topic, partition, offset } = event;
  return (
    <Dialog.Root>
      <Dialog.Trigger className="record-button">
        {topic === '' ? 'Show' : `${topic}/${partition} at ${offset}`}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog dialog-wide">
          <Dialog.Title className="dialog-title">
            Version {event.version}: {eventWords(event)}
          </Dialog.Title>
          <div className="dialog-text">
            <Facts event={event} />
            <h3>Body, as it was received</h3>
            <TextView text={event.data} label="Body" />
            {topic === '' ? null : <RecordPart topic={topic} partition={partition} offset={offset} />}
          </div>
          <div className="dialog-actions">
            <Dialog.Close>Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Facts({ event }: { readonly event: OrderEvent }) {
  const { eventId, contentHash, revision, position, place, occurredAt, journaledAt } = event;
  return (
    <dl className="facts">
      <dt>Event id</dt>
      <dd className="id">{eventId}</dd>
      <dt>Content hash</dt>
      <dd className="id">{contentHash}</dd>
      <dt>Happened</dt>
      <dd>{utcText(occurredAt)} UTC</dd>
      <dt>Arrived</dt>
      <dd>{utcText(journaledAt)} UTC</dd>
      <dt>Revision</dt>
      <dd>{revision ?? 'none'}</dd>
      <dt>Canonical sequence</dt>
      <dd>
        position {position}, place {place ?? 'not known'}
      </dd>
    </dl>
  );
}

function RecordPart(place: { readonly topic: string; readonly partition: number; readonly offset: string }) {
  const path = `/api/v1/records/${encodeURIComponent(place.topic)}/${place.partition}/${place.offset}`;
  const { data: record, error } = useQuery({
    queryKey: ['record', place],
    queryFn: ({ signal }) => get<LogRecord>(path, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <div className="card-head">
        <h3>
          The record in the log: {place.topic}/{place.partition} at {place.offset}
        </h3>
        <CopyCurl path={path} />
      </div>
      {error !== null ? <ErrorNote error={error} /> : null}
      {error === null && record === undefined ? <Loading what="the record" /> : null}
      {record === undefined ? null : <RecordParts record={record} />}
    </>
  );
}

function RecordParts({ record }: { readonly record: LogRecord }) {
  const { key, value, headers, timestamp, truncated, valueLength } = record;
  return (
    <>
      <dl className="facts">
        <dt>Timestamp</dt>
        <dd>{utcText(timestamp)} UTC</dd>
        <dt>Key</dt>
        <dd className="id">{key === null ? 'none' : (key.text ?? `base64 ${key.base64}`)}</dd>
      </dl>
      <RecordHeaders headers={headers} />
      <BytesView bytes={value} label="Value" />
      {truncated ? <p className="faint">Only the first bytes of {valueLength} are shown.</p> : null}
    </>
  );
}
