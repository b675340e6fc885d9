// The addresses of the services of a test run. They are plain data, so they can be sent to workers and written as JSON.

import { ServiceUnavailableError } from './errors.ts';

export const serviceNames = ['kafka', 'kafka39', 'mysql', 'mariadb', 'kcat', 'chromium'] as const;
export type ServiceName = (typeof serviceNames)[number];

/**
 * The source of a service. `environment`: a variable gave its address. `docker`: a container. `private`: a process of
 * this run. `system`: a program of the machine.
 */
export type Origin = 'environment' | 'docker' | 'private' | 'system';

export interface KafkaAddress {
  readonly name: 'kafka' | 'kafka39';
  /** The addresses of the brokers, each as `host:port`. */
  readonly brokers: string[];
  readonly origin: Origin;
  readonly description: string;
}

export interface DatabaseAddress {
  readonly name: 'mysql' | 'mariadb';
  /** `mysql://user[:password]@host:port[/database]`. The user may create databases. */
  readonly url: string;
  /** The result of `SELECT VERSION()`. */
  readonly version: string;
  readonly origin: Origin;
  readonly description: string;
}

/** A program that a test starts itself. */
interface ProgramAddress<Name extends string> {
  readonly name: Name;
  readonly path: string;
  readonly origin: Origin;
  readonly description: string;
}

export type KcatAddress = ProgramAddress<'kcat'>;
export type ChromiumAddress = ProgramAddress<'chromium'>;

export interface MissingService {
  readonly name: ServiceName;
  readonly reason: string;
  readonly remedy: string;
}

export interface ServiceAddresses {
  readonly kafka?: KafkaAddress;
  readonly kafka39?: KafkaAddress;
  readonly mysql?: DatabaseAddress;
  readonly mariadb?: DatabaseAddress;
  readonly kcat?: KcatAddress;
  readonly chromium?: ChromiumAddress;
  readonly missing: readonly MissingService[];
}

const longestReason = 700;

/** Returns the line that reports a missing service. Its text is the same whether the tests are skipped or fail. */
export function loudLine(missing: MissingService): string {
  const oneLine = missing.reason.replaceAll(/\s*\n\s*/g, ' | ').slice(0, longestReason);
  return `!!! NO ${missing.name.toUpperCase()}: its tests are SKIPPED, because ${oneLine}. To have it: ${missing.remedy}.`;
}

/** The services of a run. The property of a missing service throws an error with the reason. */
export class ServiceSet {
  readonly addresses: ServiceAddresses;

  constructor(addresses: ServiceAddresses) {
    this.addresses = addresses;
  }

  get kafka(): KafkaAddress {
    return this.#required('kafka');
  }

  /** Kafka 3.9 with ZooKeeper. */
  get kafka39(): KafkaAddress {
    return this.#required('kafka39');
  }

  get mysql(): DatabaseAddress {
    return this.#required('mysql');
  }

  get mariadb(): DatabaseAddress {
    return this.#required('mariadb');
  }

  get kcat(): KcatAddress {
    return this.#required('kcat');
  }

  get chromium(): ChromiumAddress {
    return this.#required('chromium');
  }

  /** The databases of this run: MySQL first, then MariaDB. */
  get databases(): DatabaseAddress[] {
    return [this.addresses.mysql, this.addresses.mariadb].filter((address) => address !== undefined);
  }

  has(name: ServiceName): boolean {
    return this.addresses[name] !== undefined;
  }

  /** Tells whether one of these services is missing, as for `describe.skipIf(services().lacks('kafka', 'mysql'))`. */
  lacks(...names: readonly ServiceName[]): boolean {
    return names.some((name) => !this.has(name));
  }

  /** Names all services in one line: `real services: Apache Kafka 4.3.0 (private, Java 17), MySQL 8.0.15 (private)`. */
  describe(): string {
    const there = serviceNames.flatMap((name) => this.addresses[name]?.description ?? []);
    const missing = this.addresses.missing.map((service) => `NO ${service.name}`);
    const all = [...there, ...missing];
    return `real services: ${all.length === 0 ? 'none' : all.join(', ')}`;
  }

  #required<Name extends ServiceName>(name: Name): NonNullable<ServiceAddresses[Name]> {
    const address = this.addresses[name];
    if (address !== undefined) return address;
    const missing = this.addresses.missing.find((service) => service.name === name);
    throw new ServiceUnavailableError(
      missing === undefined ? `${name} was not asked for in this run` : loudLine(missing),
      missing?.remedy ?? `name ${name} among the services to start`,
    );
  }
}
