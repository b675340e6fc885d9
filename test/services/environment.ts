// Reads the environment for all files of this folder. No other file here reads variables for settings.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './commands.ts';

/** The settings of real services. Every variable is optional. */
export interface ServicesEnvironment {
  /** `TEST_KAFKA_BROKERS`, `TEST_KAFKA39_BROKERS`: comma-separated `host:port`. */
  readonly kafkaBrokers: string | undefined;
  readonly kafka39Brokers: string | undefined;
  /** `TEST_MYSQL_URL`, `TEST_MARIADB_URL`: `mysql://user:password@host:port[/database]`. */
  readonly mysqlUrl: string | undefined;
  readonly mariadbUrl: string | undefined;
  /** `TEST_CHROMIUM`: the path of a Chromium or Chrome. */
  readonly chromium: string | undefined;
  /** `TEST_SERVICES`: the services that test runs may start, comma-separated; `none` for no service. */
  readonly allowedServices: string | undefined;
  /** `TEST_SERVICES_REPORT`: a file to which a test run writes the services that it used and those that were missing. */
  readonly reportFile: string | undefined;
  /** `TEST_DOCKER=never` starts private processes even if Docker answers. */
  readonly isDockerAllowed: boolean;
  /** `TEST_SYSTEM_PROGRAMS=never` uses private copies of Java, MariaDB, kcat and Chromium even if the machine has them. */
  readonly areSystemProgramsAllowed: boolean;
  /** `CI`: a missing service makes the run fail. Without `CI` the tests of that service are skipped. */
  readonly isContinuousIntegration: boolean;
  /** `MAVEN_REPOSITORY_URL`: a mirror of Maven Central. */
  readonly mavenRepositoryUrl: string;
  /** The folder of downloads and of the record of running services: `$XDG_CACHE_HOME/tributary`. */
  readonly cacheFolder: string;
  /** The folder of this checkout, or the value of `TEST_SERVICES_CHECKOUT`. Each checkout has services of its own. */
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
    chromium: value('TEST_CHROMIUM'),
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

/** Finds a program of the machine; undefined if the environment forbids those. */
export function findOfMachine(name: string, environment: ServicesEnvironment): string | undefined {
  return environment.areSystemProgramsAllowed ? findProgram(name, environment.path) : undefined;
}
