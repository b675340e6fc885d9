/**
 * `npm run check:console` looks at the console in a real Chromium, on the embedded log and on Kafka, and compares what each
 * page shows with what the story knows. See docs/checks.md.
 */
import type { Browser } from 'playwright-core';
import { startServices } from '../services/index.ts';
import { ACTS } from './console/acts/index.ts';
import { startBrowser } from './console/browser.ts';
import { openWorld, type World } from './console/world.ts';
import { type Figures, messageOf, type RunningCheck, runCommand } from './lib/command.ts';
import { machine } from './lib/process-usage.ts';
import { embeddedPlace, kafkaPlace, type Place } from './operator/place.ts';

await runCommand({
  name: 'console',
  summary:
    'Looks at every page of the console in Chromium, and compares what it shows with what was published.',
  examples: ['npm run check:console', 'npm run check:console -- --place embedded --screenshots docs/images'],
  options: [
    {
      name: 'place',
      value: 'embedded|kafka|both',
      fallback: 'both',
      help: 'Everything embedded, Kafka with MariaDB, or both',
    },
    { name: 'screenshots', value: 'folder', fallback: 'none', help: 'Where to write a picture of each page' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('place', ['both', 'embedded', 'kafka']);
  const screenshots = check.text('screenshots');
  const services = await startServices({ chromium: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const browser = await startBrowser(check, services.chromium.path);
  const pictures = screenshots === 'none' ? null : screenshots;
  const places: Record<string, Figures> = {};
  if (chosen !== 'kafka') places.embedded = await play(check, await embeddedPlace(check), browser, pictures);
  if (chosen !== 'embedded') {
    // One set of pictures is enough.
    const own = chosen === 'kafka' ? pictures : null;
    places.kafka_mariadb = await play(check, await kafkaPlace(check, 'mariadb'), browser, own);
  }
  const all = Object.values(places);
  const sum = (name: string) => all.reduce((total, figures) => total + Number(figures[name]), 0);
  return {
    pages: Math.min(...all.map(({ pages }) => Number(pages))),
    checks: sum('checks'),
    wrong: sum('wrong'),
    axe_violations: sum('axe_violations'),
    csp_reports: sum('csp_reports'),
    console_errors: sum('console_errors'),
    live_ms_max: Math.max(...all.map((figures) => Number(figures.live_ms_max))),
    by_place: places,
    machine: machine(),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok: all.every(({ ok }) => ok),
  };
}

async function play(
  check: RunningCheck,
  place: Place,
  browser: Browser,
  pictures: string | null,
): Promise<Figures> {
  const world = await openWorld(check, place, { browser, depth: 'whole', pictures, isTimed: true });
  const { judge } = world;
  for (const [name, { play: act }] of Object.entries(ACTS)) {
    const { checks } = judge;
    const wrong = judge.faults.length;
    const beganAt = performance.now();
    await act(world).catch((error: unknown) =>
      judge.wrong(name, messageOf(error), 'the act comes to its end'),
    );
    const seconds = ((performance.now() - beganAt) / 1_000).toFixed(1);
    check.progress(
      `${place.name}, ${name}: ${judge.checks - checks} checks, ${judge.faults.length - wrong} wrong, ${seconds} s`,
    );
    check.signal.throwIfAborted();
  }
  return figuresOf(check, world);
}

function figuresOf(check: RunningCheck, { judge, looks, watches }: World): Figures {
  const policyReports = watches.flatMap((watch) => watch.policyReports);
  const consoleErrors = watches.flatMap((watch) => watch.consoleErrors);
  const foreignRequests = watches.flatMap((watch) => watch.foreignRequests);
  for (const line of [...policyReports, ...consoleErrors, ...foreignRequests])
    check.progress(`wrong: ${line}`);
  const wrong = judge.faults.length;
  return {
    pages: looks.pages.size,
    checks: judge.checks,
    wrong,
    axe_violations: looks.axeViolations,
    csp_reports: policyReports.length,
    console_errors: consoleErrors.length,
    foreign_requests: foreignRequests.length,
    live_ms_max: Math.round(judge.liveMsMax),
    ok: wrong + policyReports.length + consoleErrors.length + foreignRequests.length === 0,
  };
}
