import type { RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import { ViewNames } from '../../core/view-names.ts';
import type { MigrationOptions } from '../../ports/migration.ts';
import type { EntityInspection, MigratedStore, OpenedStore } from '../../ports/store.ts';
import { MysqlAdministration } from './administration.ts';
import { withConnection } from './connection.ts';
import { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
import type { MysqlStoreOptions } from './options.ts';
import { examine, migrate, requireCurrentSchema } from './schema.ts';
import { MysqlStore } from './store.ts';
import { ServerTime } from './store-time.ts';
import { tableNames } from './table-names.ts';

/** The bytes of a packet beside one record: its key and headers, or the rest of a statement over many rows. */
const PACKET_MARGIN_BYTES = 1024 * 1024;
/** The bytes of a quarantined record go as a text of this many times their number. */
const BASE64_GROWTH = 4 / 3;

/** A store on MySQL 8, MariaDB 10.6 or later, or a compatible server. The first use connects. */
export class OpenedMysqlStore extends MysqlAdministration implements OpenedStore {
  readonly #options: MysqlStoreOptions;
  readonly #views: ViewNames;

  constructor(options: MysqlStoreOptions) {
    const { address, tls, clock, connections = 8 } = options;
    const pool = new ConnectionPool({
      address,
      tls,
      clock,
      connections,
      remedies: {
        setting: 'DATABASE_URL',
        setUp: 'Run order-sync migrate.',
      },
      commitEvidence: 'the checkpoints',
      names: tableNames(options.naming?.tablePrefix),
    });
    super(pool, options.time ?? new ServerTime(clock));
    this.#options = options;
    this.#views = new ViewNames(options.naming);
  }

  async examineView(options: MigrationOptions) {
    return examine(this.pool, this.#stored(options));
  }

  async migrate(options: MigrationOptions): Promise<MigratedStore> {
    const { logger, maxRecordBytes = 1024 * 1024 } = this.#options;
    const stored = this.#stored(options);
    const report = await migrate(this.pool, stored, logger, {
      connections: this.pool.options.connections,
      preparedStatements: PREPARED_MAX,
      packetBytes: Math.ceil(maxRecordBytes * BASE64_GROWTH) + PACKET_MARGIN_BYTES,
      packetSetting: 'ORDER_SYNC_MAX_RECORD_BYTES',
    });
    await this.#learnTime();
    const { foldVersion = 1 } = options;
    const store = new MysqlStore(this.pool, this.time, stored.view, this.#views, this.#options, foldVersion);
    this.#views.refuseRenamed(options.view, await store.viewState(), foldVersion);
    return { store, report };
  }

  async toRead(view: ViewShape): Promise<EntityInspection> {
    await withConnection(this.pool, requireCurrentSchema);
    const stored = this.#views.stored(view);
    const store = new MysqlStore(this.pool, this.time, stored, this.#views, this.#options, 1);
    // Learns which of the program's columns the table has.
    await store.viewState();
    return store;
  }

  #stored(options: MigrationOptions): MigrationOptions {
    return { ...options, view: this.#views.stored(options.view) };
  }

  /**
   * Asks the server for its time, so that states which become due before the first claim have their place by that time
   * too.
   */
  async #learnTime(): Promise<void> {
    const [[row]] = await withConnection(this.pool, (connection) =>
      connection.query<RowDataPacket[]>(`SELECT ${this.time.sql}`),
    );
    this.time.heard(row?.[0]);
  }
}
