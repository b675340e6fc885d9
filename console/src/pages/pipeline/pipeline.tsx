import { useStatus } from '../../api/live.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Page } from '../../parts/page.tsx';
import { PageTabs } from '../../parts/tabs.tsx';
import { UrlJobs } from '../../parts/url-jobs.tsx';
import { Instance } from './instance.tsx';
import { Partitions } from './partitions.tsx';
import { Pauses } from './pauses.tsx';
import { RebuildPanel } from './rebuild.tsx';
import { Targets } from './targets.tsx';
import { Verify } from './verify.tsx';
import './pipeline.css';

export default function PipelinePage() {
  const { data: status, error, refetch } = useStatus();
  const halted = status?.partitions.filter(({ haltReason }) => haltReason !== null).length ?? 0;
  return (
    <Page title="Pipeline">
      <UrlJobs />
      {error === null ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {status === undefined ? (
        error === null ? (
          <Loading what="the pipeline" />
        ) : null
      ) : (
        <PageTabs
          label="Parts of the pipeline"
          tabs={[
            {
              value: 'partitions',
              title: 'Partitions',
              count: halted,
              content: () => <Partitions status={status} />,
            },
            { value: 'targets', title: 'Targets', content: () => <Targets status={status} /> },
            { value: 'pauses', title: 'Pauses', content: () => <Pauses status={status} /> },
            { value: 'instance', title: 'Instance', content: () => <Instance status={status} /> },
            { value: 'verify', title: 'Verify', content: () => <Verify status={status} /> },
            { value: 'rebuild', title: 'Rebuild', content: () => <RebuildPanel /> },
          ]}
        />
      )}
    </Page>
  );
}
