import type { RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { MigrationOptions } from '../../ports/migration.ts';
import type { EntityInspection, MigratedStore, OpenedStore } from '../../ports/store.ts';
import { MysqlAdministration } from './administration.ts';
import { withConnection } from './connection.ts';
import { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
import type { MysqlStoreOptions } from './options.ts';
import { examine, migrate, requireCurrentSchema } from './schema.ts';
import { MysqlStore } from './store.ts';
import { ServerTime } from './store-time.ts';

/** The bytes of a packet beside one record: its key and headers, or the rest of a statement over many rows. */
const PACKET_MARGIN_BYTES = 1024 * 1024;

/** A store on MySQL 8, MariaDB 10.6 or later, or a compatible server. The first use connects. */
export class OpenedMysqlStore extends MysqlAdministration implements OpenedStore {
  readonly #options: MysqlStoreOptions;

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
    });
    super(pool, options.time ?? new ServerTime(clock));
    this.#options = options;
  }

  async examineView(options: MigrationOptions) {
    return examine(this.pool, options);
  }

  async migrate(options: MigrationOptions): Promise<MigratedStore> {
    const { logger, maxRecordBytes = 1024 * 1024 } = this.#options;
    const report = await migrate(this.pool, options, logger, {
      connections: this.pool.options.connections,
      preparedStatements: PREPARED_MAX,
      packetBytes: maxRecordBytes + PACKET_MARGIN_BYTES,
      packetSetting: 'ORDER_SYNC_MAX_RECORD_BYTES',
    });
    await this.#learnTime();
    return { store: new MysqlStore(this.pool, this.time, options.view, this.#options), report };
  }

  async toRead(view: ViewShape): Promise<EntityInspection> {
    await withConnection(this.pool, requireCurrentSchema);
    return new MysqlStore(this.pool, this.time, view, this.#options);
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
