// The lines that people type in their first hour, and the words that the answer must contain.

export interface Slip {
  /** The typed line. `DATA`, `OTHER`, `SYNC` and `MGT` stand for the folders and ports of the check. */
  readonly typed: string;
  /** Patterns of what is wrong, or of what to type instead. The answer must match all of them. */
  readonly names: readonly RegExp[];
  readonly exit: number;
  /** A program that the line needs. The line is skipped on a machine without it. */
  readonly needs?: string;
}

const producer = (words: string) => `npm run -s event-producer -- ${words}`;
const sync = (words: string) => `npm run -s order-sync -- ${words}`;
const mgt = (words: string) => `npm run -s order-mgt -- ${words}`;
const USAGE = 2;
const CONFIG = 3;
const SETTINGS = 3;

/** Lines typed before any program was started. */
const BEFORE: readonly Slip[] = [
  {
    typed: sync('partitions'),
    names: [/has not been set up yet: start order-sync on it once/],
    exit: CONFIG,
  },
  { typed: sync('quarantine'), names: [/start order-sync on it once/], exit: CONFIG },
  {
    typed: producer('o early'),
    names: [
      /1 event published to the embedded log in DATA/,
      /no order-sync has ever read this log/,
      /npm start -- --data-dir DATA/,
    ],
    exit: 0,
  },
];

/** Lines with wrong words, options and values. */
const WORDS: readonly Slip[] = [
  {
    typed: sync('partitons'),
    names: [/did you mean partitions\?/, /npm run order-sync -- partitions/],
    exit: USAGE,
  },
  { typed: sync('partitons --json'), names: [/did you mean partitions\?/], exit: USAGE },
  { typed: sync('resum order_events/0 --at earliest'), names: [/did you mean resume\?/], exit: USAGE },
  { typed: sync('dead-leters'), names: [/did you mean dead-letters\?/], exit: USAGE },
  { typed: sync('quarantene'), names: [/did you mean quarantine\?/], exit: USAGE },
  {
    typed: sync('status'),
    names: [/order-sync has run, .*partitions/, /npm run order-sync -- --help/],
    exit: USAGE,
  },
  { typed: sync('o order123'), names: [/event-producer's: npm run event-producer -- o/], exit: USAGE },
  { typed: sync('send events.ndjson'), names: [/npm run event-producer -- send/], exit: USAGE },
  { typed: sync('order-mgt'), names: [/a program of its own: npm run order-mgt --/], exit: USAGE },
  { typed: sync('start'), names: [/npm start/], exit: USAGE },
  { typed: sync('partitions order_events'), names: [/takes no words after it/], exit: USAGE },
  { typed: sync('partitions --jsno'), names: [/Did you mean --json\?/], exit: USAGE },
  { typed: sync('resume'), names: [/resume needs <partition>/, /resume --help/], exit: USAGE },
  { typed: sync('resume order_events/0 --at'), names: [/--at <offset>' has no value/], exit: USAGE },
  { typed: sync('resume order_events/0 --at earliest'), names: [/--reason/], exit: USAGE },
  { typed: sync('keys'), names: [/keys make/], exit: USAGE },
  { typed: sync('keys mak'), names: [/did you mean keys make\?/], exit: USAGE },
  { typed: sync('--port'), names: [/--port <value>' has no value/], exit: USAGE },
  {
    typed: sync('--port abc'),
    names: [/--port is "abc": give a whole number from 0 to 65535/],
    exit: SETTINGS,
  },
  { typed: sync('--target-secret x'), names: [/set ORDER_SYNC_TARGET_SECRET/], exit: USAGE },
  { typed: sync('completion bsh'), names: [/did you mean bash\?/], exit: USAGE },
  { typed: sync('quarantine --reason jsn_invalid'), names: [/did you mean json_invalid\?/], exit: USAGE },
  { typed: sync('redrive'), names: [/--all/], exit: USAGE },
  { typed: sync('help'), names: [/Commands:/, /partitions/], exit: 0 },
  { typed: sync('-h'), names: [/Examples:/], exit: 0 },
  { typed: sync('help resume'), names: [/--at <offset>/], exit: 0 },
  { typed: sync('version'), names: [/order-sync \d+\.\d+\.\d+/], exit: 0 },
  { typed: sync('--version'), names: [/order-sync \d+\.\d+\.\d+/], exit: 0 },
  { typed: mgt('serv'), names: [/did you mean serve\?/], exit: USAGE },
  { typed: mgt('partitions'), names: [/npm run order-sync -- partitions/], exit: USAGE },
  { typed: 'npm start -- demo', names: [/unknown command "demo"/, /npm start -- --help/], exit: USAGE },
  { typed: 'npm start -- --prot 4000', names: [/unknown option '--prot'/, /--help/], exit: USAGE },
  { typed: 'npm start -- --port 4000', names: [/--order-sync-port/], exit: USAGE },
  {
    typed: 'npm start --data-dir OTHER',
    names: [/npm kept --data-dir for itself/, /npm start -- .*--data-dir/],
    exit: USAGE,
  },
  {
    typed: producer(''),
    names: [/event-producer o order123 pa order123/, /par: payment authorised, review pending/],
    exit: USAGE,
  },
  { typed: producer('oo order123'), names: [/did you mean o\?/], exit: USAGE },
  { typed: producer('order123 o'), names: [/the code comes first: o order123/], exit: USAGE },
  { typed: producer('o:order123'), names: [/two words: o order123/], exit: USAGE },
  { typed: producer('"o order123"'), names: [/two words: o order123/], exit: USAGE },
  { typed: producer('O order123'), names: [/did you mean o\?/], exit: USAGE },
  { typed: producer('paid order123'), names: [/pa: payment authorised/], exit: USAGE },
  { typed: producer('o'), names: [/no order id after it/, /o order123/], exit: USAGE },
  { typed: producer('o order123 pa'), names: [/"pa" has no order id/], exit: USAGE },
  { typed: producer("o ''"), names: [/has 0 bytes: it needs 1 to 255/], exit: USAGE },
  { typed: producer('partitions'), names: [/npm run order-sync -- partitions/], exit: USAGE },
  { typed: producer('send'), names: [/send needs <file>/], exit: USAGE },
  {
    typed: producer('send nosuch.ndjson'),
    names: [/nosuch\.ndjson cannot be read/, /- for stdin/],
    exit: USAGE,
  },
  { typed: producer('sned file'), names: [/did you mean send\?/], exit: USAGE },
  { typed: producer('o a --timestamp yesterday'), names: [/2025-04-05T02:26:30\.265Z/], exit: USAGE },
  { typed: producer('o a --revision one'), names: [/give a whole number from 1/], exit: USAGE },
  { typed: producer('--database-url x o a'), names: [/DATABASE_URL/], exit: USAGE },
  { typed: 'npm run order-snyc', names: [/order-sync/], exit: 1 },
];

/** Lines with wrong settings. */
const VALUES: readonly Slip[] = [
  {
    typed: `KAFKA_BROKERS=localhost ${producer('o a')}`,
    names: [/KAFKA_BROKERS/, /host:port|localhost:9092/],
    exit: SETTINGS,
  },
  {
    typed: `KAFKA_BROKERS=127.0.0.1:9 ${producer('o a')}`,
    names: [/127\.0\.0\.1:9\b/, /KAFKA_BROKERS/],
    exit: 4,
  },
  {
    typed: `KAFKA_BROKER=localhost:9092 ${producer('o a')}`,
    names: [/did you mean KAFKA_BROKERS\?/],
    exit: SETTINGS,
  },
  {
    typed: `DATABASE_URL=postgres://a@b/c ${sync('parked')}`,
    names: [/DATABASE_URL/, /mysql:\/\//],
    exit: SETTINGS,
  },
  {
    typed: `DATABASE_URL=localhost:3306 ${sync('parked')}`,
    names: [/DATABASE_URL/, /mysql:\/\//],
    exit: SETTINGS,
  },
  {
    typed: `DATABASE_URL=mysql://u:p@127.0.0.1:9/db ${sync('parked')}`,
    names: [/127\.0\.0\.1/, /DATABASE_URL/],
    exit: 4,
  },
  {
    typed: `ORDER_SYNC_PROT=4000 ${sync('parked')}`,
    names: [/did you mean ORDER_SYNC_PORT\?/],
    exit: SETTINGS,
  },
  {
    typed: `LOG_LEVEL=loud ${sync('parked')}`,
    names: [/LOG_LEVEL is "loud": give one of trace/],
    exit: SETTINGS,
  },
  {
    typed: `ORDER_SYNC_TARGET_URL=localhost:3001 ${sync('parked')}`,
    names: [/ORDER_SYNC_TARGET_URL/, /http:\/\/localhost:3001\/api\/orders/],
    exit: SETTINGS,
  },
  { typed: `ORDER_MGT_HOST=0.0.0.0 ${mgt('serve')}`, names: [/set ORDER_MGT_SECRET/], exit: SETTINGS },
  {
    typed: `TRIBUTARY_CONFIG=nosuch.json ${sync('parked')}`,
    names: [/TRIBUTARY_CONFIG names nosuch\.json/],
    exit: SETTINGS,
  },
  { typed: mgt('--config nosuch.json'), names: [/names nosuch\.json, which cannot be read/], exit: SETTINGS },
];

/** Lines typed in another terminal while `npm start` runs on DATA. */
const BESIDE: readonly Slip[] = [
  { typed: 'npm start', names: [/already runs on DATA/, /TRIBUTARY_DATA_DIR=other/], exit: 1 },
  {
    typed: 'npm start -- --data-dir OTHER',
    names: [
      /Port MGT on 127\.0\.0\.1, which order-mgt wants, is in use/,
      /ORDER_MGT_PORT or --order-mgt-port \(\d+ is free\)/,
    ],
    exit: 1,
  },
  {
    typed: 'npm start -- --data-dir OTHER --order-mgt-port 0',
    names: [
      /Port SYNC on 127\.0\.0\.1, which order-sync wants, is in use/,
      /ORDER_SYNC_PORT or --order-sync-port \(\d+ is free\)/,
    ],
    exit: 1,
  },
  { typed: sync('--data-dir OTHER'), names: [/Port SYNC .* in use/, /ORDER_SYNC_PORT or --port/], exit: 1 },
  { typed: mgt('--data-dir OTHER'), names: [/Port MGT .* in use/, /ORDER_MGT_PORT or --port/], exit: 1 },
  {
    typed: producer('o order123 pa order123'),
    names: [/2 events published to the embedded log in DATA/],
    exit: 0,
  },
  { typed: sync('partitions'), names: [/PARTITION +JOURNALED UP TO/, /order_events\/0 {2}next/], exit: 0 },
  { typed: sync('parked'), names: [/No order is parked/], exit: 0 },
  { typed: sync('dead-letters'), names: [/No delivery is dead/], exit: 0 },
  { typed: sync('jobs'), names: [/no redrive job/], exit: 0 },
  { typed: sync('unpark --all'), names: [/Give the reason by --reason/], exit: USAGE },
  { typed: sync('unpark --all --reason x'), names: [/No order is parked/], exit: 0 },
  { typed: sync('unpark nosuch --reason x'), names: [/No order "nosuch" is parked/], exit: USAGE },
  { typed: sync('jobs 17'), names: [/no job "17": see order-sync jobs/], exit: USAGE },
  { typed: sync('resume order_events/0 --at 1000000 --reason x'), names: [/offsets 0 to \d+/], exit: USAGE },
  {
    typed: sync('resume order_events/77 --at earliest --reason x'),
    names: [/no partition "order_events\/77"/],
    exit: USAGE,
  },
  { typed: sync('resume orders/0 --at earliest --reason x'), names: [/order_events\/3/], exit: USAGE },
  { typed: sync('resume payment_events/0 --at earliest --reason x'), names: [/was not halted/], exit: 0 },
  { typed: sync('quarantine'), names: [/order_events\/\d offset \d+ {2}json_invalid/], exit: 0 },
  {
    typed: `${sync('partitions --json')} | jq -r '.[0].topic'`,
    names: [/^order_events$/m],
    exit: 0,
    needs: 'jq',
  },
  { typed: `${sync('dead-letters --json')} | jq length`, names: [/^0$/m], exit: 0, needs: 'jq' },
  { typed: `${sync('partitions')} | head -1`, names: [/PARTITION/], exit: 0 },
  {
    typed: `seq 500 | sed 's/.*/{}/' | ${producer('send -')}`,
    names: [/line 10:/, /500 lines are bad, and the first 10 are named above/, /--all-errors/],
    exit: 5,
  },
  {
    typed: `sqlite3 DATA/order-sync.sqlite "SELECT order_id, version FROM orders WHERE order_id = 'demo-1'"`,
    names: [/^demo-1\|2$/m],
    exit: 0,
    needs: 'sqlite3',
  },
  {
    typed: "curl -s 'http://127.0.0.1:MGT/api/orders/nosuch'",
    names: [/"status":404/],
    exit: 0,
    needs: 'curl',
  },
  {
    typed: 'curl -s http://127.0.0.1:SYNC/nosuch',
    names: [/There is nothing at this path/],
    exit: 0,
    needs: 'curl',
  },
  {
    typed: 'curl -s http://127.0.0.1:SYNC/readyz',
    names: [/"status":"ok"/, /Quarantine holds \d+ records: see order-sync quarantine/],
    exit: 0,
    needs: 'curl',
  },
  {
    typed: 'curl -s http://127.0.0.1:SYNC/api/v1/pipeline',
    names: [/"quarantinedRecords":\d+/, /"reason":"json_invalid"/],
    exit: 0,
    needs: 'curl',
  },
];

/** Lines typed after Ctrl-C. */
const AFTER: readonly Slip[] = [
  {
    typed: producer('o later'),
    names: [/no order-sync reads this log now/, /npm start -- --data-dir DATA/],
    exit: 0,
  },
  { typed: `${producer('o quiet')} -q`, names: [/order_events {2}partition/], exit: 0 },
];

export const SLIPS = { before: BEFORE, words: [...WORDS, ...VALUES], beside: BESIDE, after: AFTER } as const;
