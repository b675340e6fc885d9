import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ServiceSet } from './addresses.ts';
import { readEnvironment } from './environment.ts';
import { majorVersionOf } from './java.ts';
import { kraftProperties, toContainerEnvironment } from './kafka-settings.ts';
import { freePort } from './ports.ts';
import { startServices } from './start.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
let lines: string[];
const progress = (line: string): void => {
  lines.push(line);
};

beforeEach(async () => {
  lines = [];
  broker = await startTestBroker();
});
afterEach(() => broker.close());

describe('addresses from the environment', () => {
  test('reach the caller unchanged, and startServices starts and prints nothing', async () => {
    const environment = readEnvironment({ TEST_KAFKA_BROKERS: `${broker.address}, ${broker.address}` });
    const services = await startServices({ kafka: true }, { environment, progress });
    expect(services.kafka).toMatchObject({
      brokers: [broker.address, broker.address],
      origin: 'environment',
    });
    expect(services.describe()).toContain('TEST_KAFKA_BROKERS');
    expect(lines).toEqual([]);
    await services.stop();
  });

  test('give one line with the reason and the remedy if no broker answers', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const environment = readEnvironment({ TEST_KAFKA_BROKERS: address });
    const services = await startServices({ kafka: true }, { environment, progress });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^!!! NO KAFKA: its tests are SKIPPED, because .+\. To have it: .+TEST_KAFKA_BROKERS\.$/,
    );
    expect(lines[0]).toContain(address);
    expect(services.lacks('kafka')).toBe(true);
    expect(services.describe()).toBe('real services: NO kafka');
    expect(() => services.kafka).toThrow(lines[0] as string);
  });

  test('make startServices reject with the same line under CI=true if no broker answers', async () => {
    const variables = { TEST_KAFKA_BROKERS: `127.0.0.1:${await freePort()}` };
    await startServices({ kafka: true }, { environment: readEnvironment(variables), progress });
    const environment = readEnvironment({ ...variables, CI: 'true' });
    const failing = startServices({ kafka: true }, { environment, progress });
    await expect(failing).rejects.toThrow(lines[0] as string);
  });

  test('show no password in the line about a server that does not answer', async () => {
    const url = `mysql://root:hidden@127.0.0.1:${await freePort()}/x`;
    const environment = readEnvironment({ TEST_MYSQL_URL: url });
    await startServices({ mysql: true }, { environment, progress });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hidden');
  });
});

describe('a machine that lacks a program', () => {
  test('gets a line with the advice to install Java 17 for each Kafka', async () => {
    const environment = readEnvironment({ PATH: '', JAVA_HOME: '/nowhere', TEST_DOCKER: 'never' });
    await startServices({ kafka: true, kafka39: true }, { environment, progress });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toContain('install Java 17 or newer');
  });

  test('gets advice for Java, MariaDB, kcat and Chromium if it has no apt-get', async () => {
    const environment = readEnvironment({ PATH: '', TEST_DOCKER: 'never', TEST_SYSTEM_PROGRAMS: 'never' });
    const wanted = { kafka: true, mariadb: true, kcat: true, chromium: true };
    await startServices(wanted, { environment, progress });
    const said = lines.join('\n');
    expect(lines).toHaveLength(4);
    expect(said).toMatch(
      /NO KAFKA: .* no Java on this machine, and without apt-get .* install Java 17 or newer/,
    );
    expect(said).toMatch(
      /NO MARIADB: .* no MariaDB on this machine, .* apt-get install mariadb-server .* TEST_MARIADB_URL/,
    );
    expect(said).toMatch(/NO KCAT: .* no kcat on this machine, .* apt-get install kcat/);
    expect(said).toMatch(/NO CHROMIUM: .* apt-get install chromium .* TEST_CHROMIUM/);
  });

  test('shows the version of its Java in the old or the new spelling', () => {
    expect(majorVersionOf('openjdk version "17.0.15" 2025-04-15')).toBe(17);
    expect(majorVersionOf('java version "1.8.0_392"')).toBe(8);
    expect(majorVersionOf('something else')).toBeUndefined();
  });
});

describe('a set of services', () => {
  const mysql = {
    name: 'mysql',
    url: 'mysql://h/d',
    version: '8.4.1',
    origin: 'docker',
    description: 'MySQL 8.4.1 (Docker)',
  } as const;

  test('lists its databases, and describes itself in one line', () => {
    const missing = [{ name: 'mariadb', reason: 'a\n  b', remedy: 'c' }] as const;
    const set = new ServiceSet({ mysql, missing });
    expect(set.databases.map(({ name }) => name)).toEqual(['mysql']);
    expect(set.lacks('mysql')).toBe(false);
    expect(set.lacks('mysql', 'mariadb')).toBe(true);
    expect(set.describe()).toBe('real services: MySQL 8.4.1 (Docker), NO mariadb');
    expect(() => set.mariadb).toThrow('because a | b. To have it: c.');
  });

  test('throws an error that says that a service was not asked for', () => {
    expect(() => new ServiceSet({ mysql, missing: [] }).kafka39).toThrow('kafka39 was not asked for');
  });
});

describe('the settings of a broker', () => {
  test('take overrides, and become variables for a container', () => {
    const addresses = { clientPort: 1, controllerPort: 2, listenHost: '0.0.0.0' };
    const properties = kraftProperties(addresses, {
      'log.segment.bytes': '9',
      'num.io.threads': '1',
      'a_b-c': 'd',
    });
    expect(toContainerEnvironment(properties)).toMatchObject({
      KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:1,CONTROLLER://127.0.0.1:2',
      KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://127.0.0.1:1',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_LOG_SEGMENT_BYTES: '9',
      KAFKA_NUM_IO_THREADS: '1',
      KAFKA_A__B___C: 'd',
    });
  });
});
