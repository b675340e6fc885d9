// Starts the wanted services in parallel, and reports the missing ones.

import {
  type ChromiumAddress,
  type DatabaseAddress,
  type KafkaAddress,
  type KcatAddress,
  loudLine,
  type MissingService,
  type ServiceAddresses,
  type ServiceName,
  ServiceSet,
  serviceNames,
} from './addresses.ts';
import { findChromium } from './chromium.ts';
import { type DatabaseOptions, startDatabase } from './databases.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import { type KafkaOptions, startKafka, startKafka39 } from './kafka.ts';
import { findKcat } from './tools.ts';

export type Progress = (line: string) => void;

export interface Started<Address> {
  readonly address: Address;
  stop(): Promise<void>;
}

/** The services to start. `true` stands for the default options. */
export interface WantedServices {
  readonly kafka?: boolean | KafkaOptions;
  readonly kafka39?: boolean | KafkaOptions;
  readonly mysql?: boolean | DatabaseOptions;
  readonly mariadb?: boolean | DatabaseOptions;
  readonly kcat?: boolean;
  readonly chromium?: boolean;
}

export interface StartSettings {
  readonly environment?: ServicesEnvironment;
  /** Receives the lines for people. The default writes them to stderr. */
  readonly progress?: Progress;
}

/** Running services. They end with `stop()`, or when this process ends for any reason. */
export class RunningServices extends ServiceSet {
  readonly #started: readonly Started<unknown>[];

  constructor(addresses: ServiceAddresses, started: readonly Started<unknown>[]) {
    super(addresses);
    this.#started = started;
  }

  /** Stops the services that were started here, and deletes their data. May be called twice. */
  async stop(): Promise<void> {
    await Promise.all(this.#started.map((service) => service.stop()));
  }
}

type AnyAddress = KafkaAddress | DatabaseAddress | KcatAddress | ChromiumAddress;
type Outcome = { readonly started: Started<AnyAddress> } | { readonly missing: MissingService };

/**
 * Starts the wanted services in parallel, and resolves when all of them answer. A service that cannot be started is
 * reported in one line, and listed in `missing`. Under CI=true all services are stopped again, and the promise rejects
 * with that line.
 */
export async function startServices(
  wanted: WantedServices,
  settings: StartSettings = {},
): Promise<RunningServices> {
  const environment = settings.environment ?? readEnvironment();
  const progress = settings.progress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const names = serviceNames.filter((name) => wanted[name] !== undefined && wanted[name] !== false);
  const outcomes = await Promise.all(names.map((name) => startOne(name, wanted, environment, progress)));

  const started = outcomes.flatMap((outcome) => ('started' in outcome ? outcome.started : []));
  const missing = outcomes.flatMap((outcome) => ('missing' in outcome ? outcome.missing : []));
  const byName = Object.fromEntries(started.map((service) => [service.address.name, service.address]));
  const running = new RunningServices({ ...byName, missing }, started);
  if (missing.length > 0 && environment.isContinuousIntegration) {
    await running.stop();
    throw new ServiceUnavailableError(
      missing.map(loudLine).join('\n'),
      missing.map((service) => service.remedy).join('; '),
    );
  }
  for (const service of missing) progress(loudLine(service));
  return running;
}

async function startOne(
  name: ServiceName,
  wanted: WantedServices,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Outcome> {
  try {
    return { started: await launch(name, wanted, environment, progress) };
  } catch (error) {
    const remedy =
      error instanceof ServiceUnavailableError ? error.remedy : `see the reason above, or ${givenBy[name]}`;
    return { missing: { name, reason: messageOf(error), remedy } };
  }
}

const givenBy: Readonly<Record<ServiceName, string>> = {
  kafka: 'set TEST_KAFKA_BROKERS to a running one',
  kafka39: 'set TEST_KAFKA39_BROKERS to a running one',
  mysql: 'set TEST_MYSQL_URL to a running one',
  mariadb: 'set TEST_MARIADB_URL to a running one',
  kcat: 'install kcat',
  chromium: 'set TEST_CHROMIUM to the path of one',
};

function launch(
  name: ServiceName,
  wanted: WantedServices,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<AnyAddress>> {
  switch (name) {
    case 'kafka':
      return startKafka(optionsOf(wanted.kafka), environment, progress);
    case 'kafka39':
      return startKafka39(optionsOf(wanted.kafka39), environment, progress);
    case 'mysql':
      return startDatabase('mysql', optionsOf(wanted.mysql), environment, progress);
    case 'mariadb':
      return startDatabase('mariadb', optionsOf(wanted.mariadb), environment, progress);
    case 'kcat':
      return findKcat(environment, progress);
    case 'chromium':
      return findChromium(environment, progress);
  }
}

function optionsOf<Options extends object>(
  wanted: boolean | Options | undefined,
): Options | Record<never, never> {
  return typeof wanted === 'object' ? wanted : {};
}
