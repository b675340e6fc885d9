import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTS } from '../checks/console/acts/index.ts';
import { startBrowser } from '../checks/console/browser.ts';
import { openWorld, type World } from '../checks/console/world.ts';
import { RunningCheck } from '../checks/lib/command.ts';
import { embeddedPlace, kafkaPlaceOn, type Place } from '../checks/operator/place.ts';
import { services } from '../services/context.ts';

describe.skipIf(services().lacks('chromium'))('the console in Chromium', () => {
  describe('on the embedded log and SQLite', () => playActs(embeddedPlace));

  describe.skipIf(services().lacks('kafka', 'mariadb'))('on Kafka and MariaDB', () =>
    playActs((check) => kafkaPlaceOn(check, services().kafka, services().mariadb)),
  );
});

/** Each act is a test. An act needs what those before it did. */
function playActs(placeOf: (check: RunningCheck) => Promise<Place>): void {
  const check = new RunningCheck(new Map());
  let world: World;
  beforeAll(async () => {
    const browser = await startBrowser(check, services().chromium.path);
    world = await openWorld(check, await placeOf(check), { browser, pictures: null, isTimed: false });
  });
  afterAll(() => check.close());

  for (const [name, act] of Object.entries(ACTS))
    it(name, async () => {
      const { faults } = world.judge;
      const before = faults.length;
      await act(world);
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
