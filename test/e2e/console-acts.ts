import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Act } from '../checks/console/acts/index.ts';
import { startBrowser } from '../checks/console/browser.ts';
import type { Depth } from '../checks/console/looks.ts';
import { openWorld, type World } from '../checks/console/world.ts';
import { RunningCheck } from '../checks/lib/command.ts';
import type { Place } from '../checks/operator/place.ts';
import { services } from '../services/context.ts';

interface Play {
  readonly placeOf: (check: RunningCheck) => Promise<Place>;
  readonly acts: Readonly<Record<string, Act>>;
  readonly depth: Depth;
}

/** Each act of the console's check becomes a test. An act needs what those before it did. */
export function playActs({ placeOf, acts, depth }: Play): void {
  const check = new RunningCheck(new Map());
  let world: World;
  beforeAll(async () => {
    const browser = await startBrowser(check, services().chromium.path);
    const place = await placeOf(check);
    world = await openWorld(check, place, { browser, depth, pictures: null, isTimed: false });
  });
  afterAll(() => check.close());

  for (const [name, { play }] of Object.entries(acts))
    it(name, async () => {
      const { faults } = world.judge;
      const before = faults.length;
      await play(world);
      expect(faults.slice(before)).toEqual([]);
    });

  it('the browser reports no error, no breach of the policy and no request to another origin', () => {
    const reports = world.watches.flatMap(({ policyReports, consoleErrors, foreignRequests }) => [
      ...policyReports,
      ...consoleErrors,
      ...foreignRequests,
    ]);
    expect(reports).toEqual([]);
  });
}
