import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { accessFor as accessToMgt } from '../src/apps/order-mgt/http/access.ts';
import { consolePlaceIn } from '../src/apps/order-sync/console/console-build.ts';
import { accessFor as accessToSync } from '../src/apps/order-sync/http/access.ts';
import { type ApiKey, findApiKey, makeApiKey } from '../src/apps/shared/http/api-keys.ts';
import { COMMON_SETTINGS, type ProgramName } from '../src/apps/shared/settings/known/index.ts';
import { ORDER_MGT_SETTINGS } from '../src/apps/shared/settings/known/order-mgt.ts';
import { ORDER_SYNC_SETTINGS } from '../src/apps/shared/settings/known/order-sync.ts';
import { loadSettings } from '../src/apps/shared/settings/load.ts';
import { knownNames } from '../src/apps/shared/settings/unknown-names.ts';
import { programFlags } from './helpers/program-flags.ts';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const text = read('docker-compose.yml');
const { services } = parse(text, { merge: true }) as { services: Readonly<Record<string, Service>> };
const dockerfile = read('docker/Dockerfile');
const apps = ['order-sync', 'order-mgt', 'event-producer'] as const satisfies readonly ProgramName[];

function service(name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

const targetKey = makeApiKey('order-sync', ['read']);

/** The secrets of these tests. The real ones come from .env. */
const GIVEN: Readonly<Record<string, string>> = {
  MYSQL_PASSWORD: '0123456789abcdef',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  ORDER_MGT_API_KEYS: targetKey.entry,
  ORDER_SYNC_TARGET_API_KEY: targetKey.key,
  ORDER_SYNC_API_KEYS: makeApiKey('me', ['read', 'operate']).entry,
};

const VARIABLE = /\$\{(?<name>[A-Z_]+)(?<kind>:[-?])(?<rest>[^}]*)\}/g;

/** Returns the environment of a service. Required variables take their values from GIVEN, optional ones their defaults. */
function environmentOf(name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service(name).environment ?? {}).map(([key, value]) => [
      key,
      value.replace(VARIABLE, (_whole, variable: string, kind: string, rest: string) =>
        kind === ':-' ? rest : (GIVEN[variable] ?? ''),
      ),
    ]),
  );
}

const PASSWORD_VARIABLE = ['$', '{MYSQL_PASSWORD:?why}'].join('');
const URL_WITH_VARIABLE = `mysql://user:${PASSWORD_VARIABLE}@host/db`;

describe('docker-compose.yml', () => {
  it('defines Kafka, MySQL, the creation of topics, and the three programs', () => {
    expect(Object.keys(services).sort()).toEqual(
      ['create-topics', 'event-producer', 'kafka', 'mysql', 'order-mgt', 'order-sync'].sort(),
    );
  });

  it.each(apps)('gives %s only settings that it knows, with values that it accepts', (app) => {
    const environment = environmentOf(app);
    const known = knownNames();
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    expect(() => loadSettings(app, { env: environment })).not.toThrow();
  });

  it.each(apps)('starts the program %s', (app) => {
    const { entrypoint, command } = service(app);
    const main = [...(entrypoint ?? []), ...(command ?? [])].find((word) => word.endsWith('.ts'));
    expect(main).toBe(`src/apps/${app}/main.ts`);
    expect(existsSync(join(root, main ?? ''))).toBe(true);
  });

  it('publishes the default ports of the programs on 127.0.0.1 only', () => {
    const wanted = {
      'order-sync': ORDER_SYNC_SETTINGS.port.fallbackText,
      'order-mgt': ORDER_MGT_SETTINGS.port.fallbackText,
    };
    for (const [app, port] of Object.entries(wanted)) {
      expect(service(app).ports).toEqual([`127.0.0.1:${port}:${port}`]);
    }
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    const sync = loadSettings('order-sync', { env: environmentOf('order-sync') }).values;
    const mgt = loadSettings('order-mgt', { env: environmentOf('order-mgt') }).values;
    expect([String(sync.port), String(mgt.port)]).toEqual(Object.values(wanted));
    expect([sync.host, mgt.host]).toEqual(['0.0.0.0', '0.0.0.0']);
  });

  it('connects all programs to one broker, one database and one target, with one secret', () => {
    const { kafka, mysql } = { kafka: environmentOf('kafka'), mysql: environmentOf('mysql') };
    const sync = loadSettings('order-sync', { env: environmentOf('order-sync') }).values;
    const mgt = loadSettings('order-mgt', { env: environmentOf('order-mgt') }).values;
    const producer = loadSettings('event-producer', { env: environmentOf('event-producer') }).values;

    expect(producer.kafkaBrokers).toEqual(sync.kafkaBrokers);
    expect(kafka.KAFKA_ADVERTISED_LISTENERS).toContain(`//${sync.kafkaBrokers[0]}`);
    const database = new URL(sync.databaseUrl);
    expect(Object.keys(services)).toContain(database.hostname);
    expect([database.username, database.password, database.pathname]).toEqual([
      mysql.MYSQL_USER,
      mysql.MYSQL_PASSWORD,
      `/${mysql.MYSQL_DATABASE}`,
    ]);
    const target = new URL(sync.targetUrl);
    expect([target.hostname, target.port, target.pathname]).toEqual([
      'order-mgt',
      String(mgt.port),
      new URL(ORDER_SYNC_SETTINGS.targetUrl.fallbackText).pathname,
    ]);
    expect(sync.targetSecret).toBe(mgt.secret);
    expect(mgt.secret).toBe(GIVEN.WEBHOOK_SECRET);
  });

  it('gives order-sync a key that reads at order-mgt, and gives both servers keys of their own', () => {
    const sync = loadSettings('order-sync', { env: environmentOf('order-sync') }).values;
    const mgt = loadSettings('order-mgt', { env: environmentOf('order-mgt') }).values;
    const readers = accessToMgt(mgt, () => {});
    expect(readers).not.toBe('open');
    expect(findApiKey(readers as readonly ApiKey[], sync.targetApiKey ?? '')).toMatchObject({
      scopes: new Set(['read']),
    });
    const keys = accessToSync(sync, () => {});
    expect(keys).toHaveLength(1);
    expect(findApiKey(keys as readonly ApiKey[], sync.targetApiKey ?? '')).toBeNull();
  });

  it('creates the topics of the programs before the programs start', () => {
    const { ORDER_TOPIC, PAYMENT_TOPIC } = environmentOf('create-topics');
    expect([ORDER_TOPIC, PAYMENT_TOPIC]).toEqual([
      COMMON_SETTINGS.orderTopic.fallbackText,
      COMMON_SETTINGS.paymentTopic.fallbackText,
    ]);
    for (const app of ['order-sync', 'event-producer'] as const) {
      const settings = loadSettings(app, { env: environmentOf(app) }).values;
      expect([settings.orderTopic, settings.paymentTopic]).toEqual([ORDER_TOPIC, PAYMENT_TOPIC]);
      expect(service(app).depends_on?.['create-topics']?.condition).toBe('service_completed_successfully');
    }
    const script = read('docker/create-topics.sh');
    for (const variable of Object.keys(environmentOf('create-topics'))) {
      expect(script).toContain(`$${variable}`);
    }
    expect(script).toContain(environmentOf('order-sync').KAFKA_BROKERS);
    expect(service('create-topics').volumes?.[0]).toMatch(/^\.\/docker\/create-topics\.sh:/);
  });

  it('checks the health of each server at /readyz, on the port of that server', () => {
    for (const app of ['order-sync', 'order-mgt'] as const) {
      const { port } = loadSettings(app, { env: environmentOf(app) }).values;
      expect(service(app).healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${port}/readyz`);
    }
    expect(read('src/apps/shared/http/health.ts')).toContain("app.get('/readyz'");
    const served = ['src/apps/order-sync/http/server.ts', 'src/apps/order-mgt/http/server.ts'];
    for (const file of served) expect(read(file)).toContain('addHealthRoutes(app, parts)');
    for (const name of ['kafka', 'mysql']) expect(service(name).healthcheck).toBeDefined();
  });

  it('holds no secret, and .env.example names every secret without a value', () => {
    const literal = Object.entries(services).flatMap(([name, { environment = {} }]) =>
      Object.entries(environment)
        .filter(([key, value]) => isLiteralSecret(key, value))
        .map(([key]) => `${name}.${key}`),
    );
    expect(literal).toEqual([]);
    const required = new Set(
      [...text.matchAll(VARIABLE)].filter((m) => m.groups?.kind === ':?').map((m) => m.groups?.name),
    );
    const example = read('.env.example');
    expect([...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value])).toEqual(
      [...required].map((name) => [name, '']),
    );
    const optional = [...text.matchAll(VARIABLE)].filter((m) => m.groups?.kind === ':-');
    for (const match of optional) expect(example).toContain(`# ${match.groups?.name}=${match.groups?.rest}`);
  });

  it.each([
    ['MYSQL_PASSWORD', 'secret', true],
    ['ORDER_MGT_SECRET', 'whsec_AAAA', true],
    ['ORDER_SYNC_API_KEYS', 'ops:read:ab12', true],
    ['ORDER_SYNC_TARGET_API_KEY', 'trb_AAAA', true],
    ['DATABASE_URL', 'mysql://user:secret@host/db', true],
    ['DATABASE_URL', URL_WITH_VARIABLE, false],
    ['MYSQL_PASSWORD', PASSWORD_VARIABLE, false],
    ['MYSQL_RANDOM_ROOT_PASSWORD', 'yes', false],
    ['ORDER_SYNC_PORT', '3000', false],
  ])('%s=%s holds a literal secret: %s', (key, value, expected) => {
    expect(isLiteralSecret(key, value)).toBe(expected);
  });

  it('pins every image, and runs the programs as user node on read-only file systems', () => {
    for (const [name, { image, build }] of Object.entries(services)) {
      if (build === undefined) expect(image, name).toMatch(/^[a-z/]+:\d+\.\d+\.\d+$/);
      else expect(build).toEqual({ context: '.', dockerfile: 'docker/Dockerfile' });
    }
    expect(service('kafka').image).toBe(service('create-topics').image);
    for (const app of apps) expect(service(app).read_only).toBe(true);
    expect(dockerfile).toMatch(/^USER node$/m);
  });
});

/** Tells whether a value is a secret by its name or its form, and does not come from a variable. */
function isLiteralSecret(key: string, value: string): boolean {
  const written = value.replace(/\$\{[A-Z_]+:\?[^}]+\}/g, '');
  if (key === 'MYSQL_RANDOM_ROOT_PASSWORD' || written === '') return false;
  return (
    /PASSWORD|SECRET|TOKEN|API_KEY/.test(key) ||
    /:\/\/[^/@\s]*:[^/@\s]+@/.test(written) ||
    written.includes('whsec_')
  );
}

describe('the image', () => {
  it('uses the version of Node that the checkout pins', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
    const version = lock.packages['node_modules/node']?.version;
    const bases = [...dockerfile.matchAll(/^FROM (.+)$/gm)].map(([, base]) => base);
    expect(bases).toEqual([`node:${version}-slim AS console`, `node:${version}-slim`]);
  });

  it('starts Node with the flags that the programs have in a checkout', () => {
    const entrypoint = /^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '';
    expect(JSON.parse(entrypoint)).toEqual(['node', ...programFlags()]);
  });

  it('gets from the checkout exactly the paths that its Dockerfile copies', () => {
    // What comes from another stage of the build is in no checkout.
    const named = [...dockerfile.matchAll(/^COPY (?!--from=)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    const copied = [...new Set(named)];
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(sent).toEqual(['*', ...copied.map((path) => `!${path}`)]);
    for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true);
  });

  it('puts the built console into the folder in which order-sync looks for it', () => {
    const { sources, finished } = consolePlaceIn('/app');
    expect(dockerfile).toContain(`vite.js build ${basename(sources)} --outDir ${finished} `);
    expect(dockerfile).toMatch(new RegExp(`^COPY --from=console ${finished} ./${basename(finished)}$`, 'm'));
  });

  it('stores its data in the folder of the volume', () => {
    expect(dockerfile).toContain('TRIBUTARY_DATA_DIR=/data');
    expect(service('order-mgt').volumes).toEqual(['order-mgt-data:/data']);
  });
});
