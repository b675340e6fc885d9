/** What the new project is about: the folder names it, and the package comes from here. */
export interface InitChoices {
  readonly name: string;
  /** The entry of `tributary` in the dependencies, as npm reads it. */
  readonly tributary: string;
}

/** The files of a new project, by their names. It runs at once, and its README says what to change. */
export function initFiles({ name, tributary }: InitChoices): ReadonlyMap<string, string> {
  return new Map([
    ['package.json', packageJson(name, tributary)],
    ['domain.ts', DOMAIN],
    ['sync.ts', SYNC],
    ['events.jsonl', EVENTS],
    ['domain.test.ts', TEST],
    ['README.md', readme(name)],
    ['.gitignore', 'node_modules\n.tributary/\n'],
  ]);
}

function packageJson(name: string, tributary: string): string {
  const manifest = {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: { start: 'node sync.ts', test: 'node --test' },
    dependencies: { tributary },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

const DOMAIN = `import { defineDomain } from 'tributary';

export const parcels = defineDomain({
  name: 'parcels',
  noun: 'parcel',
  topic: 'parcel_events',
  entityIdField: 'parcelId',
  occurredAtField: 'at',
  events: {
    PARCEL_SCANNED: {
      schema: { properties: { place: { type: 'string', maxLength: 80 } }, required: ['place'] },
    },
    PARCEL_DELIVERED: {
      // A delivery comes after every scan, whatever the clocks say.
      stage: 2,
      schema: {},
    },
  },
  initialState: { place: '', isDelivered: false },
  evolve: {
    PARCEL_SCANNED: (state, { place }) => ({ ...state, place }),
    PARCEL_DELIVERED: (state) => ({ ...state, isDelivered: true }),
  },
  view: {
    table: 'parcels',
    keyColumn: 'parcel_id',
    columns: [
      { name: 'place', type: 'text', maxLength: 80 },
      { name: 'delivered', type: 'boolean' },
    ],
    row: ({ place, isDelivered }) => [place, isDelivered],
    isReady: ({ isDelivered }) => isDelivered,
    readyColumn: 'delivered',
  },
});
`;

const SYNC = `import { runSync } from 'tributary';
import { parcels } from './domain.ts';

await runSync(parcels);
`;

const EVENTS = `{"eventType":"PARCEL_SCANNED","parcelId":"P1","at":"2026-01-05T08:00:00Z","place":"Basel"}
{"eventType":"PARCEL_SCANNED","parcelId":"P1","at":"2026-01-05T11:30:00Z","place":"Bern"}
{"eventType":"PARCEL_DELIVERED","parcelId":"P1","at":"2026-01-05T15:10:00Z"}
{"eventType":"PARCEL_SCANNED","parcelId":"P2","at":"2026-01-05T09:00:00Z","place":"Olten"}
`;

const TEST = `import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testDomain } from 'tributary/testing';
import { parcels } from './domain.ts';

test('the domain keeps what the engine relies on', async () => {
  const lines = readFileSync(new URL('events.jsonl', import.meta.url), 'utf8').trim().split('\\n');
  await testDomain(
    parcels,
    lines.map((line) => JSON.parse(line)),
  );
});
`;

function readme(name: string): string {
  return `# ${name}

Keeps a table of parcels in sync with the events of their life, with Tributary. It needs Node 24.

    npm install
    npm test                                 the kit tries the domain with the events of events.jsonl
    npm start                                runs it, on files in .tributary; its page is http://localhost:3000
    node sync.ts publish events.jsonl        in another terminal: publishes events
    node sync.ts parcels                     lists the parcels
    node sync.ts explain P1                  says why a parcel is as it is

| File | What it says |
|---|---|
| domain.ts | the events, how one more event changes the state, and the columns of the table |
| sync.ts | starts the program; \`node sync.ts --help\` lists its commands and settings |
| events.jsonl | samples of events, for the test and for trying things out |
| domain.test.ts | the kit: it finds a domain that depends on arrival, on the clock or on anything else outside of the events |

Two settings move it to Kafka and MySQL or MariaDB:

    KAFKA_BROKERS=localhost:9092 DATABASE_URL=mysql://user:password@localhost/${name} npm start

A third one sends each parcel that is delivered to a target: ORDER_SYNC_TARGET_URL=https://...
`;
}
