// The one place of the real services' library that reads the process's environment.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './commands.ts';

/** What the environment may say about real services; every field has a default, so that no variable is needed. */
export interface ServicesEnvironment {
  /** `TEST_KAFKA_BROKERS`, `TEST_KAFKA39_BROKERS`: comma-separated `host:port`. */
  readonly kafkaBrokers: string | undefined;
  readonly kafka39Brokers: string | undefined;
  /** `TEST_MYSQL_URL`, `TEST_MARIADB_URL`: `mysql://user:password@host:port[/database]`. */
  readonly mysqlUrl: string | undefined;
  readonly mariadbUrl: string | undefined;
  /** `TEST_SERVICES`: the names that test runs may start, comma-separated; `none` for none. */
  readonly allowedServices: string | undefined;
  /** `TEST_SERVICES_REPORT`: a file into which a test run writes what it ran on, and what it lacked. */
  readonly reportFile: string | undefined;
  /** `TEST_DOCKER=never` goes straight to private processes. */
  readonly isDockerAllowed: boolean;
  /** `TEST_SYSTEM_PROGRAMS=never` leaves the machine's Java, MariaDB and kcat alone: each is a private copy. */
  readonly areSystemProgramsAllowed: boolean;
  /** `CI`: a service that cannot be had is then a failure, not a skip. */
  readonly isContinuousIntegration: boolean;
  /** `MAVEN_REPOSITORY_URL`: a mirror of Maven Central. */
  readonly mavenRepositoryUrl: string;
  /** Where downloads and the record of running services are kept: `$XDG_CACHE_HOME/tributary`. */
  readonly cacheFolder: string;
  /** The checkout that asks, or what `TEST_SERVICES_CHECKOUT` says instead: services belong to the one that started them. */
  readonly checkout: string;
  readonly javaHome: string | undefined;
  readonly path: string;
}

export const mavenCentralUrl = 'https://repo1.maven.org/maven2';

export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): ServicesEnvironment {
  const value = (name: string): string | undefined => variables[name]?.trim() || undefined;
  const ci = value('CI')?.toLowerCase();
  return {
    kafkaBrokers: value('TEST_KAFKA_BROKERS'),
    kafka39Brokers: value('TEST_KAFKA39_BROKERS'),
    mysqlUrl: value('TEST_MYSQL_URL'),
    mariadbUrl: value('TEST_MARIADB_URL'),
    allowedServices: value('TEST_SERVICES'),
    reportFile: value('TEST_SERVICES_REPORT'),
    isDockerAllowed: value('TEST_DOCKER') !== 'never',
    areSystemProgramsAllowed: value('TEST_SYSTEM_PROGRAMS') !== 'never',
    isContinuousIntegration: ci !== undefined && ci !== 'false' && ci !== '0',
    mavenRepositoryUrl: (value('MAVEN_REPOSITORY_URL') ?? mavenCentralUrl).replace(/\/+$/, ''),
    cacheFolder: join(value('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'tributary'),
    checkout: value('TEST_SERVICES_CHECKOUT') ?? join(import.meta.dirname, '..', '..'),
    javaHome: value('JAVA_HOME'),
    path: variables.PATH ?? '',
  };
}

/** A program of the machine that a service may be, unless those are to be left alone. */
export function findOfMachine(name: string, environment: ServicesEnvironment): string | undefined {
  return environment.areSystemProgramsAllowed ? findProgram(name, environment.path) : undefined;
}
