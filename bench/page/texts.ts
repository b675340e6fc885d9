/** The words of docs/performance.md: what each bench asks, who takes part, and why a peer wins where it does. */
import type { SectionText } from './section.ts';

export const SECTIONS: readonly SectionText[] = [
  {
    bench: 'drain-full',
    title: 'Full topics into a database',
    question:
      'How fast do topics that were filled before get into MariaDB and MySQL, and what does it cost? Every program reads the same records and starts with an empty database; the programs run by turns. What each has written is compared with what is right.',
    subjects: { mariadb: 'MariaDB', mysql: 'MySQL', disk: 'the disk' },
    programs: {
      'order-sync': {
        title: 'order-sync',
        does: 'the full work, exactly once: journal without duplicates, rows folded in the canonical sequence, due deliveries, quarantine and checkpoints in one transaction.',
      },
      base: { title: 'order-sync before', does: 'the same at an earlier commit.', isLimit: true },
      debezium: {
        title: "Debezium's JDBC sink",
        does: 'Kafka Connect with a connector for each topic, upsert with the reduction buffer, 5,000 records in a batch. It keeps no journal, folds nothing (the last to arrive wins), and works at least once.',
        why: 'It only writes the last row of an order, where order-sync writes journal, row, delivery and checkpoint.',
      },
      flink: {
        title: 'Flink SQL',
        does: 'Flink 1.20 in one process: two tables on Kafka, each inserted by upserts into its columns of one table, 4 tasks side by side, 5,000 rows in a batch, a checkpoint each second. It does what the sink of Debezium does, no more.',
        why: 'It only writes the last row of an order, and its batches hold one row for each.',
      },
      java: {
        title: 'the Java rival',
        does: 'a consumer with batched JDBC that we wrote as fast as we could: the full work in one transaction, a thread and a connection for each partition, one INSERT for all rows of a table. It knows flat bodies only, and has no holds, no metrics, no takeover by another instance.',
        why: 'Java decodes, hashes and writes statements on several threads at once.',
      },
      kafkajs: {
        title: 'kafkajs, a statement a message',
        does: 'a consumer in Node as people write it, over fewer records: each message is one statement that commits by itself. No journal, the last to arrive wins.',
      },
      reading: {
        title: 'reading alone',
        does: 'a limit: the Java rival reads all records and drops them.',
        isLimit: true,
      },
      sql: {
        title: 'SQL alone',
        does: 'a limit: the Java rival writes the same tables from records of its own making, on the best of 1, 2, 4 and 8 connections.',
        isLimit: true,
      },
      fdatasync: { title: 'one fdatasync of 4 KiB', isLimit: true },
    },
    figures: {
      events_per_second: 'events/s',
      cpu_seconds_per_million: 'CPU s per million',
      cpu_seconds_per_million_database: 'of the database',
      cpu_seconds_per_million_kafka: 'of Kafka',
      peak_memory_mib: 'peak MiB',
      wrong: 'wrong rows',
      connections: 'connections',
      sync_ms: 'ms',
    },
    compared: { figure: 'events_per_second', better: 'higher', ours: 'order-sync' },
    plots: {
      events_per_second: 'Events a second',
      cpu_seconds_per_million: 'CPU seconds of the program for a million events',
    },
  },
  {
    bench: 'embedded',
    title: 'The embedded default',
    question:
      "How fast do full topics get into SQLite with no server at all, and how does that compare with Emmett's store on SQLite, which appends events to streams and projects them into a table? Both sync every commit to the disk (synchronous=FULL).",
    subjects: { embedded: 'SQLite' },
    programs: {
      'order-sync': { title: 'order-sync', does: 'reads the embedded log, and does the full work.' },
      base: { title: 'order-sync before', does: 'the same at an earlier commit.', isLimit: true },
      'emmett store': {
        title: "Emmett's store",
        does: 'used as documented: each append is a transaction with an inline projection. Its events come from memory, those of an order in a batch together. No check for duplicates, no deliveries.',
      },
      'emmett batched': {
        title: 'Emmett, batched',
        does: 'the functions below the store, with one connection and a transaction for 4,000 events, which its documentation does not show.',
      },
    },
    figures: {
      events_per_second: 'events/s',
      cpu_seconds_per_million: 'CPU s per million',
      peak_memory_mib: 'peak MiB',
      wrong: 'wrong rows',
    },
    compared: { figure: 'events_per_second', better: 'higher', ours: 'order-sync' },
    plots: { events_per_second: 'Events a second' },
  },
  {
    bench: 'latency',
    title: 'Latency',
    question:
      'How long does an event take from publishing until it is in the view, and until the target has stored it? Events are published at a rate that waits for nobody. The time of each counts from the moment at which it was due, so an event that had to wait for its turn counts its wait (no coordinated omission). The time of the produce request is in it.',
    subjects: {
      alone: 'alone',
      'kafka 1000': 'Kafka and MariaDB, 1,000/s',
      'kafka 5000': 'Kafka and MariaDB, 5,000/s',
      'kafka half': 'Kafka and MariaDB, half of the highest rate',
      'embedded 1000': 'embedded, 1,000/s',
      'embedded 5000': 'embedded, 5,000/s',
      'embedded half': 'embedded, half of the highest rate',
    },
    programs: {
      kafka: {
        title: "Kafka's EndToEndLatency",
        does: "Kafka's own tool: one record after the other, sent and received.",
        isLimit: true,
      },
      commit: {
        title: 'one commit',
        does: 'one row in a transaction of its own, one after the other.',
        isLimit: true,
      },
    },
    figures: {
      rate_events_per_second: 'events/s',
      view_p50_ms: 'to the view: p50 in ms',
      view_p99_ms: 'p99',
      view_p999_ms: 'p99.9',
      target_p50_ms: 'to the target: p50',
      target_p99_ms: 'p99',
      target_p999_ms: 'p99.9',
      p50_ms: 'p50 in ms',
      p99_ms: 'p99 in ms',
      probe_late_max_ms: 'the probe was late by up to',
    },
    plots: {
      view_p50_ms: 'Milliseconds to the view, median',
      view_p99_ms: 'Milliseconds to the view, 99th percentile',
    },
  },
  {
    bench: 'growth',
    title: 'Growth',
    question:
      'Does order-sync slow down, or need more memory, when the store has millions of orders already? At each size it drains full topics about new orders, with ids that rise and with random ones.',
    programs: {},
    figures: {
      events_per_second: 'events/s',
      cpu_seconds_per_million: 'CPU s per million',
      cpu_seconds_per_million_database: 'of the database',
      peak_memory_mib: 'peak MiB',
      peak_memory_growing_mib: 'peak MiB while it grew to that size',
      growing_events_per_second: 'events/s while it grew',
      missing_orders: 'missing orders',
    },
    plots: { events_per_second: 'Events a second, by the orders in the store' },
  },
  {
    bench: 'hot-keys',
    title: 'Hot keys',
    question:
      'What if a few orders have most of the events? Zipf: the n-th of 100,000 orders has a share of 1 / n^1.1. Half: one order has half of all events.',
    subjects: { uniform: 'all orders alike', zipf: 'Zipf 1.1', half: 'one order has half' },
    programs: {},
    figures: {
      events_per_second: 'events/s',
      cpu_seconds_per_million: 'CPU s per million',
      cpu_seconds_per_million_database: 'of the database',
      peak_memory_mib: 'peak MiB',
      wrong: 'wrong rows',
    },
    plots: { events_per_second: 'Events a second' },
  },
  {
    bench: 'rebuild',
    title: 'Rebuild',
    question:
      'How fast is the view made again from the journal, while order-sync runs on? Beside it, one INSERT ... SELECT that makes the same rows from the table event_journal; at the end both have to be equal.',
    subjects: { mariadb: 'MariaDB', mysql: 'MySQL' },
    programs: {
      statement: {
        title: 'INSERT ... SELECT',
        why: 'The database folds where the rows are; order-sync fetches them.',
      },
      verify: {
        title: 'verify --all',
        does: 'compares each row with its journal, the start of the command included.',
        isLimit: true,
      },
    },
    figures: { orders_per_second: 'orders/s', cpu_seconds_per_million: 'CPU s of order-sync per million' },
    compared: { figure: 'orders_per_second', better: 'higher', ours: 'order-sync' },
    plots: { orders_per_second: 'Orders a second' },
  },
  {
    bench: 'delivery',
    title: 'Deliveries',
    question:
      'How many states a second does one order-sync deliver to one order-mgt that makes each state durable, singly and in batches? The limit is the HTTP client alone, which posts the same state to a bare server again and again.',
    subjects: {
      'single embedded': 'one state in a request, ledger in SQLite',
      'single mariadb': 'one state in a request, ledger in MariaDB',
      'batch embedded': 'batches, ledger in SQLite',
      'batch mariadb': 'batches, ledger in MariaDB',
    },
    programs: {
      'random ids': {
        title: 'order-sync, random ids',
        does: 'the same with random ids of orders.',
        isLimit: true,
      },
      base: {
        title: 'order-sync before',
        does: 'order-sync and order-mgt of an earlier commit.',
        isLimit: true,
      },
      'undici dispatch': {
        title: 'undici, dispatch',
        does: 'the HTTP client alone, by its lowest interface.',
        isLimit: true,
      },
      'undici request': { title: 'undici, request', does: 'the same by its usual interface.', isLimit: true },
    },
    figures: {
      states_per_second: 'states/s',
      posts_per_second: 'posts/s',
      share_of_client: 'share of undici alone',
      cpu_seconds_per_million_order_sync: 'CPU s per million, order-sync',
      cpu_seconds_per_million_order_mgt: 'order-mgt',
      cpu_seconds_per_million_database: 'database',
    },
    plots: { states_per_second: 'States delivered a second' },
  },
  {
    bench: 'scale',
    title: 'Scale',
    question:
      'What do more instances cost, and a store of two servers? 1, 2 and 4 order-syncs drain 16 partitions of each topic into one database, with all of them on the machine that also runs Kafka and the database, so that only the CPU time for an event compares. Then one order-sync drains into one MySQL server, and into two behind Apache ShardingSphere-Proxy with a transaction of two phases. [scaling.md](scaling.md) says what follows from it.',
    programs: {},
    figures: {
      events_per_second: 'events/s',
      cpu_seconds_per_million_order_sync: 'CPU s per million, order-sync',
      cpu_seconds_per_million_kafka: 'Kafka',
      cpu_seconds_per_million_database: 'databases',
      cpu_seconds_per_million_proxy: 'proxy',
      log_bytes_per_event: 'redo log, bytes an event',
      peak_memory_mib_order_sync: 'peak MiB of an order-sync',
    },
    plots: {
      events_per_second: 'Events a second, everything on one machine',
      cpu_seconds_per_million_order_sync: 'CPU seconds of order-sync for a million events',
    },
  },
  {
    bench: 'start',
    title: 'Start',
    question:
      'How long do people wait for a program? The help of each command line beside Node that does nothing, a command that reads the store, and `npm start` on a new folder until it is ready.',
    subjects: { help: '--help', orders: 'order-sync orders' },
    programs: { node: { title: 'node -e 0', isLimit: true }, start: { title: 'npm start' } },
    figures: { ms: 'ms', ready_ms: 'ms to ready' },
    plots: { ms: 'Milliseconds of a command line' },
  },
  {
    bench: 'ask',
    title: 'Questions',
    question:
      'How long do answers about orders take in a store with very many of them, one question after the other? Each page of a list begins at a random order.',
    programs: {},
    figures: { p50_ms: 'p50 in ms', p95_ms: 'p95 in ms', max_ms: 'longest in ms' },
    plots: { p95_ms: 'Milliseconds of an answer, 95th percentile' },
  },
  {
    bench: 'console',
    title: 'Console',
    question:
      'What do the pages that operators look at cost, while events come in? The lists, the stream of changes for 100 pages at once, and scrolling through all orders in Chromium.',
    programs: {},
    figures: {
      p50_ms: 'p50 in ms',
      p95_ms: 'p95 in ms',
      cpu_seconds_per_million_order_sync: 'CPU s per million events',
      messages_per_second: 'messages/s',
      bytes_per_second: 'bytes/s',
      long_tasks: 'tasks over 50 ms',
      long_task_max_ms: 'longest task in ms',
    },
    plots: {},
  },
];
