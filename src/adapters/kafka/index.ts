/*
 * The event log on Apache Kafka. Its sibling is the embedded log: files of the same name do the same thing and export
 * the same names. These files have no twin there:
 *
 * - `cluster/`: brokers are other machines. It holds the connections and logins to them, and asks them about topics.
 * - `wire/`: the formats of Kafka's protocol. The embedded log packs records by a codec of its own.
 * - `reading/`, apart from the look at partitions: records have to be fetched ahead, over several connections. A take of the embedded
 *   log reads a file.
 * - `group/assignment.ts`, `group/joining.ts`, `group/group-requests.ts`, `group/heartbeats.ts`,
 *   `group/coordinator-watch.ts`, `group/topic-watch.ts`: a coordinator and a leader share out the partitions. The
 *   embedded log does so by its tables.
 * - `group/group-store.ts`: Kafka has no place for the store of a group, so its identity goes along in other fields.
 * - `producing/sender.ts`, `producing/partition-queue.ts`, `producing/produce-verdict.ts`,
 *   `producing/known-topics.ts`: every partition has its own leader, so every partition has its own queue, retries
 *   and verdicts. The embedded log appends in one transaction.
 * - `producing/producer-identity.ts`, `producing/shut-out.ts`: brokers know a producer by an id and an epoch.
 * - `errors.ts`: the error codes of Kafka's protocol.
 * - `lists.ts`: partitions listed by topic, as Kafka's requests want them.
 */
export type { KafkaLogin } from './cluster/login.ts';
export { tokenFromEndpoint, tokenFromFile } from './cluster/oauth-token.ts';
export { openKafkaLog } from './event-log.ts';
export type { KafkaLogOptions } from './options.ts';
