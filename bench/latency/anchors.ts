/** What the latency of the whole is compared with: Kafka's own from end to end, and one commit of the database. */
import mysql from 'mysql2/promise';
import { createTopics } from '../../test/checks/lib/kafka-client.ts';
import { createDatabase, kafkaTool, type RunningServices } from '../../test/services/index.ts';
import { percentileOf } from '../lib/times.ts';

const RECORD_BYTES = 120;
const TOOL_TIMEOUT_MS = 300_000;

/** Kafka's own EndToEndLatency: one record after the other, from its send with acks of all to its receipt. Milliseconds. */
export async function kafkaEndToEnd(
  services: RunningServices,
  records: number,
): Promise<{ p50: number; p99: number }> {
  const topic = 'bench_end_to_end';
  await createTopics(services.kafka.brokers, new Map([[topic, 1]]));
  const words = [
    ...['--topic', topic, '--num-records', String(records)],
    ...['--producer-acks', 'all', '--record-size', String(RECORD_BYTES)],
  ];
  const { stdout } = await kafkaTool(services.kafka, 'EndToEndLatency', words, undefined, {
    timeoutMs: TOOL_TIMEOUT_MS,
  });
  const found = /Percentiles: 50th = (\d+), 99th = (\d+)/.exec(stdout);
  if (found === null) throw new Error(`EndToEndLatency said: ${stdout.slice(-500)}`);
  return { p50: Number(found[1]), p99: Number(found[2]) };
}

/** One row in a transaction of its own, one after the other. Milliseconds. */
export async function oneCommit(serverUrl: string, commits: number): Promise<{ p50: number; p99: number }> {
  const made = await createDatabase(serverUrl);
  const connection = await mysql.createConnection(made.url);
  await connection.query(
    'CREATE TABLE committed (id INT NOT NULL PRIMARY KEY, body VARCHAR(200)) ENGINE = InnoDB',
  );
  const times: number[] = [];
  for (let id = 0; id < commits; id++) {
    const began = performance.now();
    await connection.query('INSERT INTO committed VALUES (?, ?)', [id, 'x'.repeat(RECORD_BYTES)]);
    times.push(performance.now() - began);
  }
  await connection.end();
  await made.drop();
  return { p50: percentileOf(times, 0.5), p99: percentileOf(times, 0.99) };
}
