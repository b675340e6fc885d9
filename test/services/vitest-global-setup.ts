// Starts the real services that the chosen test projects need, once per run, and stops them after the last project. The
// projects that need services name this file as `globalSetup`.

import { writeFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { loudLine, type ServiceName, ServiceSet, serviceNames } from './addresses.ts';
import { NOT_FLUSHED } from './databases.ts';
import { readEnvironment } from './environment.ts';
import { startServices } from './start.ts';

/** The services of each project. A project that is not listed here gets all services. */
const needs: Readonly<Record<string, readonly ServiceName[]>> = {
  unit: [],
  int: ['kafka', 'mysql', 'mariadb', 'kcat'],
  e2e: serviceNames,
};

interface Run {
  /** The running and the missing services, for the tests and the report. */
  readonly set: ServiceSet;
  stop(): Promise<void>;
}

interface SharedRun {
  readonly started: Promise<Run>;
  users: number;
}

// Vitest loads this module once per project, so the shared state is a property of globalThis.
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

/** Starts the services of all projects of this run, whichever project is set up first. */
async function start(project: TestProject): Promise<Run> {
  const environment = readEnvironment();
  const allowed = environment.allowedServices?.split(',').map((name) => name.trim());
  const projects = project.vitest.projects.map((each) => each.name);
  const needed = new Set(projects.flatMap((name) => needs[name] ?? serviceNames));
  const names = serviceNames.filter((name) => needed.has(name));
  const wanted = names.filter((name) => allowed === undefined || allowed.includes(name));
  // A service that TEST_SERVICES leaves out is reported like a missing one, but does not fail the run under CI=true.
  const leftOut = names
    .filter((name) => !wanted.includes(name))
    .map((name) => ({ name, reason: 'TEST_SERVICES leaves it out', remedy: 'unset TEST_SERVICES' }));
  for (const service of leftOut) process.stderr.write(`${loudLine(service)}\n`);

  const services = await startServices(
    Object.fromEntries(
      wanted.map((name) => [name, name === 'mysql' || name === 'mariadb' ? NOT_FLUSHED : true]),
    ),
    { environment },
  );
  const { addresses } = services;
  const set = new ServiceSet({ ...addresses, missing: [...addresses.missing, ...leftOut] });
  if (environment.reportFile !== undefined) {
    const lines = [...set.addresses.missing.map(loudLine), set.describe()];
    writeFileSync(environment.reportFile, `${lines.join('\n')}\n`);
  }
  return { set, stop: () => services.stop() };
}
