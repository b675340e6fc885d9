// Starts the real services that the chosen test projects need, once per run and side by side, and stops them
// when the last project is done. Named as `globalSetup` by the projects that need services.

import type { TestProject } from 'vitest/node';
import { type ServiceName, serviceNames } from './addresses.ts';
import { readEnvironment } from './environment.ts';
import { type RunningServices, startServices, type WantedServices } from './start.ts';

/** By project name; a project that is not named here gets all of them. */
const needs: Readonly<Record<string, readonly ServiceName[]>> = {
  unit: [],
  int: ['kafka', 'mysql', 'mariadb', 'kcat'],
  e2e: serviceNames,
};

interface SharedRun {
  readonly services: Promise<RunningServices>;
  users: number;
}

// Each project loads this module for itself, so what they share hangs on the process.
const shared = globalThis as typeof globalThis & { tributaryServices?: SharedRun };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.tributaryServices ??= { services: startServices(wantedBy(chosenProjects(project))), users: 0 };
  const run = shared.tributaryServices;
  run.users += 1;
  const services = await run.services;
  project.provide('services', services.addresses);
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete shared.tributaryServices;
    process.stderr.write(`${services.describe()}\n`);
    await services.stop();
  };
}

/** All projects of this run: the services for every one of them start at the first one's setup. */
function chosenProjects(project: TestProject): string[] {
  return project.vitest.projects.map((each) => each.name);
}

function wantedBy(projects: readonly string[]): WantedServices {
  const names = new Set(projects.flatMap((name) => needs[name] ?? serviceNames));
  const allowed = readEnvironment()
    .allowedServices?.split(',')
    .map((name) => name.trim());
  return Object.fromEntries(
    serviceNames
      .filter((name) => names.has(name) && (allowed === undefined || allowed.includes(name)))
      .map((name) => [name, true]),
  );
}
