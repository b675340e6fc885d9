/** Starts a database server with an asynchronous replica, and promotes the replica. */
import mysql from 'mysql2/promise';
import { createDatabase, type RunningServices, startServices } from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';

export interface ReplicatedDatabase {
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  /** Waits until the replica has all transactions that the primary has committed so far. */
  caughtUp(): Promise<void>;
  /** Stops the replication to the replica. */
  cutOff(): Promise<void>;
  /** Kills the primary, and makes the replica a server of its own. */
  promote(): Promise<void>;
}

const CATCH_UP_MS = 30_000;
const PAUSE_MS = 50;

export async function startReplicatedDatabase(
  check: RunningCheck,
  name: 'mariadb' | 'mysql',
): Promise<ReplicatedDatabase> {
  const [primary, replica] = await Promise.all([1, 2].map((id) => startServer(check, name, id)));
  if (primary === undefined || replica === undefined) throw new Error('Two servers were started');
  const primaryServer = new URL(primary[name].url);
  const onReplica = await mysql.createConnection({ uri: replica[name].url });
  const onPrimary = await mysql.createConnection({ uri: primary[name].url });
  check.defer(() => {
    onReplica.destroy();
    onPrimary.destroy();
  });
  const position = await positionOf(onPrimary);
  await onReplica.query(
    `CHANGE MASTER TO MASTER_HOST = '${primaryServer.hostname}', MASTER_PORT = ${primaryServer.port}, ` +
      `MASTER_USER = 'root', MASTER_PASSWORD = '', MASTER_CONNECT_RETRY = 1, ` +
      `MASTER_LOG_FILE = '${position.file}', MASTER_LOG_POS = ${position.at}`,
  );
  await onReplica.query('START SLAVE');
  const database = await createDatabase(primary[name].url);
  const replicaUrl = new URL(replica[name].url);
  replicaUrl.pathname = `/${database.name}`;
  return {
    primaryUrl: database.url,
    replicaUrl: replicaUrl.href,
    async caughtUp() {
      const { file, at } = await positionOf(onPrimary);
      const deadlineMs = performance.now() + CATCH_UP_MS;
      for (;;) {
        const [rows] = await onReplica.query<mysql.RowDataPacket[]>('SHOW SLAVE STATUS');
        const status = rows[0];
        if (status?.Last_SQL_Error || status?.Last_IO_Error) {
          throw new Error(`The replication has stopped: ${status.Last_SQL_Error} ${status.Last_IO_Error}`);
        }
        const isThere = status?.Relay_Master_Log_File === file && Number(status?.Exec_Master_Log_Pos) >= at;
        if (isThere) return;
        if (performance.now() > deadlineMs)
          throw new Error(`The replica did not catch up within ${CATCH_UP_MS / 1_000} s`);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    },
    async cutOff() {
      await onReplica.query('STOP SLAVE');
    },
    async promote() {
      await primary.stop();
      await onReplica.query('RESET SLAVE ALL');
    },
  };
}

async function startServer(
  check: RunningCheck,
  name: 'mariadb' | 'mysql',
  id: number,
): Promise<RunningServices> {
  const services = await startServices({
    [name]: {
      arguments: [`--server-id=${id}`, '--log-bin=binlog', '--binlog-format=ROW', '--sync-binlog=0'],
    },
  });
  check.defer(() => services.stop());
  if (services[name].origin === 'environment') {
    throw new Error(
      `Unset TEST_${name.toUpperCase()}_URL: this scenario has to start and kill its own server`,
    );
  }
  return services;
}

async function positionOf(connection: mysql.Connection): Promise<{ file: string; at: number }> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>('SHOW MASTER STATUS');
  const row = rows[0];
  if (row === undefined) throw new Error('The server writes no binary log');
  return { file: String(row.File), at: Number(row.Position) };
}
