import { useMemo } from 'react';
import { orderPath } from '../../api/paths.ts';
import type { Explanation, OrderEvent } from '../../api/types.ts';
import { usePathPart } from '../../location.ts';
import { Card } from '../../parts/card.tsx';
import { CopyCurl, CopyJson } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Page } from '../../parts/page.tsx';
import type { Pages } from '../../parts/use-pages.ts';
import { visibleId } from '../../text/ids.ts';
import { said } from '../../text/words.ts';
import { Absence } from './absence.tsx';
import { EventsTable } from './events-table.tsx';
import { OrderDeliveries } from './order-deliveries.tsx';
import type { StreamedEvent } from './repeats.ts';
import { RowCard } from './row-card.tsx';
import { TimeTravel, useMoment, useStateAt } from './time-travel.tsx';
import { Timeline } from './timeline.tsx';
import { useOrder } from './use-order.ts';
import { WhatIfCard } from './what-if.tsx';
import './order.css';

export default function OrderPage() {
  const id = usePathPart(1);
  const { explanation, events, streamed } = useOrder(id);
  const { data, error, refetch } = explanation;
  return (
    <Page
      title={`${said('Order')} ${visibleId(id)}`}
      actions={
        <>
          {data === undefined ? null : <CopyJson value={data} />}
          <CopyCurl path={`${orderPath(id)}/explain`} />
        </>
      }
    >
      {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {data === undefined ? (
        error === null ? (
          <Loading what={said('the order')} />
        ) : null
      ) : (
        <Parts key={id} id={id} explanation={data} events={events} streamed={streamed} />
      )}
    </Page>
  );
}

interface PartsProps {
  readonly id: string;
  readonly explanation: Explanation;
  readonly events: Pages<OrderEvent>;
  readonly streamed: readonly StreamedEvent[];
}

function Parts({ id, explanation, events, streamed }: PartsProps) {
  const isKnown = explanation.version > 0;
  return (
    <>
      <p className="lead" aria-live="polite">
        {explanation.explanation}
      </p>
      <Absence explanation={explanation} />
      {isKnown ? (
        <>
          <RowCard explanation={explanation} />
          <OrderDeliveries deliveries={explanation.deliveries} />
          <History id={id} explanation={explanation} events={events} streamed={streamed} />
        </>
      ) : null}
      <WhatIfCard id={id} />
    </>
  );
}

/** Timeline, time travel and events: three views of the same events. */
function History({ id, explanation, events, streamed }: PartsProps) {
  const { version } = explanation;
  const { moment, isNow } = useMoment(version);
  const { data: state } = useStateAt(id, moment, isNow);
  const versions = state?.versions;
  const counted = useMemo(() => (versions == null ? null : new Set(versions)), [versions]);
  return (
    <>
      <Card title="When it happened, and when it arrived">
        <Timeline events={events.rows} counted={isNow ? null : counted} />
        <TimeTravel id={id} version={version} events={events.rows} moment={moment} isNow={isNow} />
      </Card>
      <Card title="Events">
        <EventsTable events={events} explained={explanation.events} streamed={streamed} />
      </Card>
    </>
  );
}
