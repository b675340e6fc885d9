import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LiveProvider } from './api/live.tsx';
import { ProblemError } from './api/problem.ts';
import { App } from './app.tsx';
import { Toasts } from './parts/toasts.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/tables.css';
import './styles/work.css';
import './styles/overlays.css';

const RETRIES_MAX = 2;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      refetchOnWindowFocus: true,
      // A refusal is an answer; only a server that does not answer, or cannot just now, is asked again.
      retry: (failures, error) =>
        failures < RETRIES_MAX &&
        (!(error instanceof ProblemError) || error.status === 0 || error.status === 503),
    },
  },
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id root.');
createRoot(root).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <LiveProvider>
          <Toasts>
            <App />
          </Toasts>
        </LiveProvider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
