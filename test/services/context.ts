// Gives .int.test.ts and .e2e.test.ts files the real services of this test run, which `vitest-global-setup.ts` has
// started. index.ts shows how to use them.

import { inject } from 'vitest';
import { type ServiceAddresses, ServiceSet } from './addresses.ts';

export { createDatabase, type TestDatabase } from './databases.ts';
export { kafkaTool, kcat } from './tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    services: ServiceAddresses;
  }
}

/** Returns the services of this run. A missing service throws when it is used: guard with `describe.skipIf`. */
export function services(): ServiceSet {
  const addresses = inject('services') as ServiceAddresses | undefined;
  if (addresses === undefined) {
    throw new Error(
      'This test project starts no services. Add globalSetup: test/services/vitest-global-setup.ts to it in vitest.config.ts',
    );
  }
  return new ServiceSet(addresses);
}

/** Returns one line with the services of this run and their versions. */
export function describeServices(): string {
  return services().describe();
}
