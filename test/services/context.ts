// The real services of this test run, for .int.test.ts and .e2e.test.ts. `vitest-global-setup.ts` has started
// them. See index.ts for how to use it.

import { inject } from 'vitest';
import { type ServiceAddresses, ServiceSet } from './addresses.ts';

export { createDatabase, type TestDatabase } from './databases.ts';
export { kafkaTool, kcat } from './tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    services: ServiceAddresses;
  }
}

/** What this run has. Asking for a service that is not there throws: guard by `describe.skipIf(...lacks(...))`. */
export function services(): ServiceSet {
  const addresses = inject('services') as ServiceAddresses | undefined;
  if (addresses === undefined) {
    throw new Error(
      'This test project starts no services: add globalSetup: test/services/vitest-global-setup.ts to it in vitest.config.ts',
    );
  }
  return new ServiceSet(addresses);
}

/** One line that names the services of this run and their versions. */
export function describeServices(): string {
  return services().describe();
}
