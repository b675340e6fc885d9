import { describe, expect, it } from 'vitest';
import { services } from '../../services/context.ts';
import { openPart, SERVICE_OF } from './parts.ts';
import { compareMany, type Found } from './run.ts';

describe.each([
  ['mariadb', 10],
  ['mysql', 10],
  ['kafka', 5],
] as const)('the twin of %s', (name, histories) => {
  const service = SERVICE_OF[name];
  it.skipIf(service === undefined || services().lacks(service))(
    `the twin answers ${histories} histories of calls as ${name} does`,
    async () => {
      const part = await openPart(name, services);
      const found: Found[] = [];
      try {
        const result = await compareMany([part], { from: 1, histories, onFound: (one) => found.push(one) });
        expect(found).toEqual([]);
        expect(result.histories).toBe(histories);
      } finally {
        await part.close();
      }
    },
  );
});
