// The settings of the private Kafka brokers. They need little memory and make tests fast.

export type Properties = Readonly<Record<string, string>>;

const testSettings: Properties = {
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'auto.create.topics.enable': 'false',
  // Group members join without a delay, and tests of lost members may use session timeouts of 1 s.
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  // The broker applies retention, and ends transactions that timed out, within 1 s.
  'log.initial.task.delay.ms': '1000',
  'log.retention.check.interval.ms': '1000',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
  'log.cleaner.dedupe.buffer.size': '16777216',
  'num.network.threads': '2',
  'num.io.threads': '4',
};

const kraftTestSettings: Properties = {
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '200',
};

export interface KraftAddresses {
  /** The port where clients connect, which the broker also advertises. */
  readonly clientPort: number;
  readonly controllerPort: number;
  /** 127.0.0.1, or 0.0.0.0 inside a container. */
  readonly listenHost: string;
}

export function kraftProperties(addresses: KraftAddresses, overrides: Properties): Properties {
  const { clientPort, controllerPort, listenHost } = addresses;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    // The controller listens on 127.0.0.1 in a container too, because a broker refuses 0.0.0.0 as advertised address.
    listeners: `PLAINTEXT://${listenHost}:${clientPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${clientPort}`,
    ...testSettings,
    ...kraftTestSettings,
    ...overrides,
  };
}

/** The common settings of the controller and the brokers of a cluster. They detect a dead broker within 3 s. */
export function clusterProperties(controller: string, brokers: number): Properties {
  return {
    ...testSettings,
    ...kraftTestSettings,
    'controller.quorum.voters': controller,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
    'default.replication.factor': String(brokers),
    'offsets.topic.replication.factor': String(brokers),
    'transaction.state.log.replication.factor': String(brokers),
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '2000',
    'replica.socket.timeout.ms': '3000',
    'replica.fetch.wait.max.ms': '200',
    'controller.quorum.request.timeout.ms': '2000',
    'unclean.leader.election.interval.ms': '1000',
  };
}

export function zookeeperProperties(
  clientPort: number,
  zookeeperPort: number,
  overrides: Properties,
): Properties {
  return {
    'broker.id': '1',
    'zookeeper.connect': `127.0.0.1:${zookeeperPort}`,
    'zookeeper.connection.timeout.ms': '60000',
    listeners: `PLAINTEXT://127.0.0.1:${clientPort}`,
    ...testSettings,
    ...overrides,
  };
}

export function toPropertiesFile(properties: Properties): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

/** Names settings as the apache/kafka image reads them: `log.dirs` as `KAFKA_LOG_DIRS`, `_` as `__`, `-` as `___`. */
export function toContainerEnvironment(properties: Properties): Record<string, string> {
  const variable = (key: string): string =>
    `KAFKA_${key.toUpperCase().replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_')}`;
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [variable(key), value]));
}

/** The logging settings of Kafka 4, which uses Log4j 2. */
export const log4j2File = `status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
`;

/** The logging settings of Kafka 3.9 and ZooKeeper, which use reload4j with the settings of Log4j 1. */
export const log4jFile = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n
`;
