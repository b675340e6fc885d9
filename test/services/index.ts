// Gives tests and checks real Kafka, MySQL and MariaDB: from addresses in the environment, else in Docker, else as
// private processes (docs/decisions/0003-real-services-without-docker.md).
//
// In a script:
//
//   const services = await startServices({ kafka: { heap: '1g' }, mysql: true, mariadb: true, kcat: true });
//   services.kafka.brokers             // ['127.0.0.1:23456']; throws with the reason if Kafka is missing
//   services.databases                 // [{ name: 'mysql', url, version }, { name: 'mariadb', ... }]
//   const database = await createDatabase(services.mariadb.url);    // database.url, database.drop()
//   await kafkaTool(services.kafka, 'ConsoleProducer', ['--topic', 'order_events'], 'a line\n');
//   await kcat(services.kcat, services.kafka, ['-C', '-t', 'order_events', '-e', '-o', 'beginning']);
//   console.error(services.describe());
//   await services.stop();             // without it the services end with this process, even after kill -9
//
// A test (.int.test.ts, .e2e.test.ts) starts no services, because the test run has started them:
//
//   import { services } from './context.ts';
//   describe.skipIf(services().lacks('kafka', 'mysql'))('the pipeline on Kafka and MySQL', () => {
//     beforeAll(async () => { database = await createDatabase(services().mysql.url); });
//
// Brokers create no topics by themselves, and all tests of a run share them, so each test uses unique topic and group
// names.

export {
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
export { createDatabase, type DatabaseOptions, defaultDatabase, type TestDatabase } from './databases.ts';
export { readEnvironment, type ServicesEnvironment } from './environment.ts';
export { ServiceUnavailableError } from './errors.ts';
export type { KafkaOptions } from './kafka.ts';
export { KafkaCluster, type KafkaClusterOptions, type NewTopic, startKafkaCluster } from './kafka-cluster.ts';
export { freePort } from './ports.ts';
export { RunningServices, type StartSettings, startServices, type WantedServices } from './start.ts';
export { addressOf, type HeldConnection, type HoldFrom, TcpProxy, through } from './tcp-proxy.ts';
export { kafkaTool, kcat } from './tools.ts';
