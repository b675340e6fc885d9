/*
 * The event log in one SQLite file. Its sibling is the Kafka adapter: files of the same name do the same thing and
 * export the same names. These files have no twin there:
 *
 * - `file/`: the SQLite file with its tables, its formats and the watch for other processes' commits. Kafka has
 *   brokers.
 * - `topics.ts`: topics and partitions are rows, which this adapter creates and deletes itself. Kafka's brokers do
 *   so.
 * - `reading/partition-reader.ts`, `reading/next-partition.ts`: a take reads the file, and chooses among its partitions by what
 *   stands there. Nothing has to be fetched ahead.
 * - `group/membership.ts`: the members and owners of a group are rows. Kafka has a coordinator for them.
 * - `group/process-identity.ts`: all members run on one machine, so a killed process is noticed at once.
 * - `producing/append-queue.ts`: one transaction commits the appends of all producers. Kafka has a queue for each
 *   partition.
 */
export { type EmbeddedLog, openEmbeddedLog } from './event-log.ts';
export type { EmbeddedLogOptions } from './options.ts';
