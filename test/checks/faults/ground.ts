/** The servers that all scenarios of one run share, started when the first scenario wants them. */
import {
  createDatabase,
  type KafkaCluster,
  type KafkaClusterOptions,
  type RunningServices,
  startKafkaCluster,
  startServices,
} from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';
import type { DatabaseKind } from './scenario.ts';

/** A broker unpacks a whole record batch to look at its records. */
const ALONE_HEAP = '2g';

/** The database that a scenario's programs use. */
export interface ScenarioDatabase {
  readonly url: string;
  readonly isSqlite: boolean;
}

export class Ground {
  readonly database: DatabaseKind;
  readonly #check: RunningCheck;
  #kafka: Promise<KafkaCluster> | undefined;
  #threeBrokers: Promise<KafkaCluster> | undefined;
  #server: Promise<RunningServices> | undefined;

  constructor(check: RunningCheck, database: DatabaseKind) {
    this.#check = check;
    this.database = database;
  }

  /** One broker, shared: topics and groups of a scenario have names of their own. */
  kafka(): Promise<KafkaCluster> {
    this.#kafka ??= this.#cluster({ brokers: 1, heap: ALONE_HEAP });
    return this.#kafka;
  }

  /** Three brokers of which scenarios kill some; each scenario leaves all of them running. */
  threeBrokers(): Promise<KafkaCluster> {
    this.#threeBrokers ??= this.#cluster({ brokers: 3, heap: '384m' });
    return this.#threeBrokers;
  }

  /** The address of the database server, without a database of the scenario in it. */
  async server(): Promise<string> {
    if (this.database === 'sqlite') throw new Error('SQLite has no server');
    this.#server ??= this.#start({ [this.database]: true });
    return (await this.#server)[this.database].url;
  }

  /** A new database: on the server, or a file in the folder. */
  async newDatabase(scope: RunningCheck, folder: string): Promise<ScenarioDatabase> {
    if (this.database === 'sqlite') return { url: `sqlite:${folder}/order-sync.sqlite`, isSqlite: true };
    const database = await createDatabase(await this.server());
    scope.defer(() => database.drop());
    return { url: database.url, isSqlite: false };
  }

  async #cluster(options: KafkaClusterOptions): Promise<KafkaCluster> {
    const progress = (line: string) => this.#check.progress(line);
    const cluster = await startKafkaCluster({ isProxied: true, progress, ...options });
    this.#check.defer(() => cluster.stop());
    progress(cluster.address.description);
    return cluster;
  }

  async #start(wanted: Parameters<typeof startServices>[0]): Promise<RunningServices> {
    const services = await startServices(wanted);
    this.#check.defer(() => services.stop());
    this.#check.progress(services.describe());
    return services;
  }
}
