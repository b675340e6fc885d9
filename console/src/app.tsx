import { Component, lazy, type ReactNode, Suspense } from 'react';
import { Link, Route, Switch } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { useKeyState } from './api/key-hooks.ts';
import { EmptyState, Loading } from './parts/empty-state.tsx';
import { ErrorNote } from './parts/error-note.tsx';
import { Page } from './parts/page.tsx';
import { Header } from './shell/header.tsx';
import { KeyForm } from './shell/key-form.tsx';
import { Navigation } from './shell/navigation.tsx';

const Home = lazy(() => import('./pages/home/home.tsx'));
const Orders = lazy(() => import('./pages/orders/orders.tsx'));
const OrderPage = lazy(() => import('./pages/order/order.tsx'));
const PipelinePage = lazy(() => import('./pages/pipeline/pipeline.tsx'));
const Deliveries = lazy(() => import('./pages/deliveries/deliveries.tsx'));
const Quarantine = lazy(() => import('./pages/quarantine/quarantine.tsx'));
const RecordPage = lazy(() => import('./pages/quarantine/record.tsx'));
const Jobs = lazy(() => import('./pages/jobs/jobs.tsx'));
const JobPage = lazy(() => import('./pages/jobs/job.tsx'));
const Audit = lazy(() => import('./pages/audit/audit.tsx'));
const TryIt = lazy(() => import('./pages/try/try.tsx'));
const SettingsPage = lazy(() => import('./pages/settings/settings.tsx'));

/** The shell around every page. While a key is wanted, no page is shown. */
export function App() {
  const { wanted } = useKeyState();
  const path = usePathname();
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <Header />
      <div className="body">
        {wanted === null ? <Navigation /> : null}
        <main id="main" tabIndex={-1}>
          {wanted === null ? (
            // Each path has a page of its own, so that a failed one does not stay.
            <Failures key={path}>
              <Suspense fallback={<Loading what="the page" />}>
                <Pages />
              </Suspense>
            </Failures>
          ) : (
            <KeyForm why={wanted} />
          )}
        </main>
      </div>
    </>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={Home} />
      <Route path="/orders" component={Orders} />
      <Route path="/orders/:id" component={OrderPage} />
      <Route path="/pipeline" component={PipelinePage} />
      <Route path="/deliveries" component={Deliveries} />
      <Route path="/quarantine" component={Quarantine} />
      <Route path="/quarantine/:topic/:partition/:offset" component={RecordPage} />
      <Route path="/jobs" component={Jobs} />
      <Route path="/jobs/:id" component={JobPage} />
      <Route path="/audit" component={Audit} />
      <Route path="/try" component={TryIt} />
      <Route path="/settings" component={SettingsPage} />
      <Route path="*">
        <Page title="No such page">
          <EmptyState title="There is nothing at this address.">
            The navigation has all pages. <Link href="/">Go to Home</Link>
          </EmptyState>
        </Page>
      </Route>
    </Switch>
  );
}

/** Shows what broke in the place of a page that throws. */
class Failures extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Page title="The page failed">
        <ErrorNote error={this.state.error} onRetry={() => window.location.reload()} />
      </Page>
    );
  }
}
