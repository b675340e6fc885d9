// Starts the real services that the chosen test projects need, once per run and side by side, and stops them
// when the last project is done. Named as `globalSetup` by the projects that need services.

import { writeFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { loudLine, type ServiceName, ServiceSet, serviceNames } from './addresses.ts';
import { readEnvironment } from './environment.ts';
import { startServices } from './start.ts';

/** By project name; a project that is not named here gets all of them. */
const needs: Readonly<Record<string, readonly ServiceName[]>> = {
  unit: [],
  int: ['kafka', 'mysql', 'mariadb', 'kcat'],
  e2e: serviceNames,
};

interface Run {
  /** What runs, and what does not: for the tests and for the report. */
  readonly set: ServiceSet;
  stop(): Promise<void>;
}

interface SharedRun {
  readonly started: Promise<Run>;
  users: number;
}

// Each project loads this module for itself, so what they share hangs on the process.
const shared = globalThis as typeof globalThis & { tributaryServices?: SharedRun };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.tributaryServices ??= { started: start(project), users: 0 };
  const run = shared.tributaryServices;
  run.users += 1;
  const { set, stop } = await run.started;
  project.provide('services', set.addresses);
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete shared.tributaryServices;
    process.stderr.write(`${set.describe()}\n`);
    await stop();
  };
}

/** Starts what all projects of this run need together: which one is set up first is chance. */
async function start(project: TestProject): Promise<Run> {
  const environment = readEnvironment();
  const allowed = environment.allowedServices?.split(',').map((name) => name.trim());
  const projects = project.vitest.projects.map((each) => each.name);
  const needed = new Set(projects.flatMap((name) => needs[name] ?? serviceNames));
  const names = serviceNames.filter((name) => needed.has(name));
  const wanted = names.filter((name) => allowed === undefined || allowed.includes(name));
  // What a person left out by name is said as loudly, but is no failure anywhere.
  const leftOut = names
    .filter((name) => !wanted.includes(name))
    .map((name) => ({ name, reason: 'TEST_SERVICES leaves it out', remedy: 'unset TEST_SERVICES' }));
  for (const service of leftOut) process.stderr.write(`${loudLine(service)}\n`);

  const services = await startServices(Object.fromEntries(wanted.map((name) => [name, true])), {
    environment,
  });
  const { addresses } = services;
  const set = new ServiceSet({ ...addresses, missing: [...addresses.missing, ...leftOut] });
  if (environment.reportFile !== undefined) {
    const lines = [...set.addresses.missing.map(loudLine), set.describe()];
    writeFileSync(environment.reportFile, `${lines.join('\n')}\n`);
  }
  return { set, stop: () => services.stop() };
}
