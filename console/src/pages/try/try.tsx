import { useCallback, useState } from 'react';
import { useAccess } from '../../api/access.ts';
import { ProblemError } from '../../api/problem.ts';
import { Card } from '../../parts/card.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Page } from '../../parts/page.tsx';
import { isOfOrders } from '../../text/words.ts';
import { EventForm } from './event-form.tsx';
import { publishAndWatch, type Watched } from './publish.ts';
import { ScenarioList } from './scenario-list.tsx';
import type { ScenarioStep } from './scenarios.ts';
import { WatchList } from './watch-list.tsx';
import './try.css';

const SHOWN_MAX = 100;

export default function TryIt() {
  const access = useAccess();
  const [watched, setWatched] = useState<readonly Watched[]>([]);
  const [error, setError] = useState<unknown>(null);
  const show = useCallback(
    (news: Watched) =>
      setWatched((known) =>
        known.some(({ key }) => key === news.key)
          ? known.map((old) => (old.key === news.key ? news : old))
          : [news, ...known].slice(0, SHOWN_MAX),
      ),
    [],
  );
  const run = useCallback(
    async (steps: readonly ScenarioStep[]) => {
      setError(null);
      try {
        let before: Promise<void> = Promise.resolve();
        for (const { event, words, waitsForDelivery } of steps) {
          if (waitsForDelivery === true) await before;
          before = (await publishAndWatch(event, words, show)).delivered;
        }
      } catch (thrown) {
        setError(thrown);
      }
    },
    [show],
  );
  const isOff = access?.tryIt === false || (error instanceof ProblemError && error.code === 'try_off');
  return (
    <Page
      title="Try it"
      intro="Sends events to the topics as a source does, and shows how they go through. Only for trying out: it is off unless a setting turns it on."
    >
      {isOff ? (
        <EmptyState title="This order-sync takes no events from the console.">
          Start it with ORDER_SYNC_TRY=true. On the embedded log, npm start turns it on by itself.
        </EmptyState>
      ) : (
        <>
          {error === null ? null : <ErrorNote error={error} />}
          {isOfOrders ? (
            <Card title="Scenarios">
              <ScenarioList run={run} />
            </Card>
          ) : null}
          <Card title="A single event">
            <EventForm run={run} />
          </Card>
          <Card title="On their way">
            <WatchList watched={watched} />
          </Card>
        </>
      )}
    </Page>
  );
}
