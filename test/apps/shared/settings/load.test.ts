import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  COMMON_SETTINGS,
  PROGRAM_SETTINGS,
  type ProgramName,
} from '../../../../src/apps/shared/settings/known/index.ts';
import {
  commonVariables,
  loadSettings,
  type SettingsInput,
  tableOf,
} from '../../../../src/apps/shared/settings/load.ts';
import { TributaryError } from '../../../../src/core/errors.ts';

const ONE_TOPIC = { ORDER_TOPIC: 'events', PAYMENT_TOPIC: 'events' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The settings of order-sync. */
function load(env: SettingsInput['env'], flags: NonNullable<SettingsInput['flags']> = {}) {
  return loadSettings('order-sync', { env, flags });
}

/** The message of the error, which has to be a `setting_invalid`. */
function refusal(env: SettingsInput['env'], flags: NonNullable<SettingsInput['flags']> = {}): string {
  try {
    load(env, flags);
  } catch (error) {
    expect(error).toBeInstanceOf(TributaryError);
    expect((error as TributaryError).code).toBe('setting_invalid');
    return (error as TributaryError).message;
  }
  throw new Error('The settings were accepted.');
}

function entry(settings: ReturnType<typeof load>, name: string) {
  return settings.entries.find((candidate) => candidate.name === name);
}

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('the precedence of settings', () => {
  it('takes the flag before the variable, the variable before the file, the file before the default', () => {
    const config = file(
      'precedence.json',
      JSON.stringify({ ORDER_SYNC_LANES: 5, ORDER_SYNC_GROUP: 'from-file' }),
    );
    const env = { TRIBUTARY_CONFIG: config, ORDER_SYNC_LANES: '6' };

    const settings = load(env, { lanes: '7' });

    expect(settings.values.lanes).toBe(7);
    expect(entry(settings, 'ORDER_SYNC_LANES')).toMatchObject({ source: 'flag', from: '--lanes' });
    expect(load(env).values.lanes).toBe(6);
    expect(entry(load(env), 'ORDER_SYNC_LANES')).toMatchObject({ source: 'env', from: 'ORDER_SYNC_LANES' });
    expect(load({ TRIBUTARY_CONFIG: config }).values.lanes).toBe(5);
    expect(entry(settings, 'ORDER_SYNC_GROUP')).toMatchObject({ value: 'from-file', source: 'file' });
    expect(load({}).values.lanes).toBe(4);
    expect(entry(load({}), 'ORDER_SYNC_LANES')).toMatchObject({ source: 'default' });
  });

  it('takes the settings file of the flag before the one of the variable', () => {
    const one = file('one.json', '{"ORDER_SYNC_LANES": 1}');
    const two = file('two.json', '{"ORDER_SYNC_LANES": 2}');
    expect(load({ TRIBUTARY_CONFIG: one }, { config: two }).values.lanes).toBe(2);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(load({ KAFKA_BROKERS: '', ORDER_SYNC_TARGET_SECRET: '' }).values).toMatchObject({
      kafkaBrokers: [],
      targetSecret: undefined,
    });
  });

  it('takes PORT unless the program has its own port', () => {
    expect(load({ PORT: '8080' }).values.port).toBe(8080);
    expect(load({ PORT: '8080', ORDER_SYNC_PORT: '9090' }).values.port).toBe(9090);
  });

  it('puts the default databases into the chosen data directory', () => {
    expect(load({ TRIBUTARY_DATA_DIR: '/data' }).values.databaseUrl).toBe('sqlite:/data/order-sync.sqlite');
    expect(loadSettings('order-mgt', { env: {} }).values).toMatchObject({
      databaseUrl: 'sqlite:.tributary/order-mgt.sqlite',
    });
  });
});

describe('the values of settings', () => {
  it('reads every type', () => {
    const config = file(
      'types.json',
      JSON.stringify({ KAFKA_BROKERS: ['a:1', '[::1]:9092'], KAFKA_TLS: true }),
    );
    const { values } = load({
      TRIBUTARY_CONFIG: config,
      ORDER_SYNC_DELIVER: 'no',
      ORDER_SYNC_SESSION_TIMEOUT_MS: '15s',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'sync',
      KAFKA_SASL_PASSWORD: 'p@ss word',
    });
    expect(values).toMatchObject({
      kafkaBrokers: ['a:1', '[::1]:9092'],
      kafkaTls: true,
      deliver: false,
      sessionTimeoutMs: 15_000,
      kafkaSaslMechanism: 'scram-sha-512',
      kafkaSaslPassword: 'p@ss word',
    });
  });

  it.each([
    ['ORDER_SYNC_LANES', '0', 'give a whole number from 1 to 64'],
    ['ORDER_SYNC_LANES', '65', 'give a whole number from 1 to 64'],
    ['ORDER_SYNC_LANES', '4.5', 'give a whole number'],
    ['ORDER_SYNC_LANES', '0x10', 'give a whole number'],
    ['ORDER_SYNC_SESSION_TIMEOUT_MS', '999', 'give milliseconds from 1000 to 300000'],
    ['ORDER_SYNC_SESSION_TIMEOUT_MS', '10 s', 'give milliseconds'],
    ['ORDER_SYNC_DELIVER', 'maybe', 'give true or false'],
    ['ORDER_SYNC_TARGET_URL', 'ftp://host/', 'http: or https:'],
    ['ORDER_SYNC_TARGET_URL', 'localhost', 'give a URL like http://localhost:3001/api/orders'],
    ['KAFKA_BROKERS', 'localhost', 'give host:port'],
    ['LOG_LEVEL', 'loud', 'give one of trace, debug, info'],
    ['DATABASE_URL', 'mysql://host', 'name the database too'],
    ['DATABASE_URL', 'sqlite:', 'name the file too'],
  ])('refuses %s=%s and says what would be right', (name, value, remedy) => {
    const message = refusal({ [name]: value });
    expect(message).toContain(`${name} is ${JSON.stringify(value)}`);
    expect(message).toContain(remedy);
  });

  it('accepts the lower and the upper bound', () => {
    expect(load({ ORDER_SYNC_LANES: '1' }).values.lanes).toBe(1);
    expect(load({ ORDER_SYNC_LANES: '64' }).values.lanes).toBe(64);
  });

  it('names the flag if the flag gave the value', () => {
    expect(refusal({}, { lanes: 'many' })).toContain('--lanes is "many"');
  });

  it('reports all faults at once, one on each line', () => {
    expect(refusal({ ORDER_SYNC_LANES: '0', LOG_LEVEL: 'loud' }).split('\n')).toHaveLength(2);
  });

  it.each([
    [{ KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_SASL_USERNAME'],
    [{ KAFKA_SASL_USERNAME: 'sync' }, 'KAFKA_SASL_MECHANISM'],
    [{ KAFKA_TLS_CA_FILE: 'ca.pem' }, 'KAFKA_TLS=true'],
    [{ ...ONE_TOPIC, ORDER_SOURCE: 'connect-json', PAYMENT_SOURCE: 'json' }, 'PAYMENT_SOURCE is "json"'],
    [
      { ...ONE_TOPIC, ORDER_SOURCE_FIELDS: 'a=b', PAYMENT_SOURCE_FIELDS: 'c=d' },
      'ORDER_SOURCE_FIELDS is "a=b"',
    ],
    [{ ORDER_SOURCE_FIELDS: 'a=b,c=b' }, 'name each field once'],
    [{ PAYMENT_SOURCE_FIELDS: 'a=b,a=c' }, 'name each field once'],
    [{ ORDER_SOURCE_VALUES: 'a=b,a=c' }, 'name each value of the records once'],
    [{ ORDER_SOURCE_FIELDS: 'a' }, 'give theirs=ours'],
    [{ ORDER_SOURCE: 'avro' }, 'give one of json, cloudevents'],
  ])('refuses settings that contradict each other: %o', (env, remedy) => {
    expect(refusal(env)).toContain(remedy);
  });

  it("loadSettings ignores the values of a sibling's settings", () => {
    expect(load({ ORDER_MGT_PORT: 'none of my business' }).values.port).toBe(3000);
  });
});

describe('the names of settings', () => {
  it.each([
    ['ORDER_SYNC_LANE', 'ORDER_SYNC_LANES'],
    ['KAFKA_BROKER', 'KAFKA_BROKERS'],
    ['TRIBUTARY_DATADIR', 'TRIBUTARY_DATA_DIR'],
    ['ORDER_MGT_PROT', 'ORDER_MGT_PORT'],
    ['EVENT_PRODUCER_SORUCE', 'EVENT_PRODUCER_SOURCE'],
  ])('refuses %s and suggests %s', (given, meant) => {
    expect(refusal({ [given]: '3' })).toContain(
      `${given} (3) is not a variable that Tributary knows: did you mean ${meant}?`,
    );
  });

  it('hides the value of an unknown variable, which may be a secret', () => {
    expect(refusal({ ORDER_SYNC_SECRET: 'hush' })).not.toContain('hush');
  });

  it('refuses an unknown name in the settings file', () => {
    const config = file('unknown.json', '{"ORDER_SYNC_LANE": 3}');
    expect(refusal({ TRIBUTARY_CONFIG: config })).toContain('did you mean ORDER_SYNC_LANES?');
  });

  it.each(Object.keys(PROGRAM_SETTINGS) as ProgramName[])(
    "accepts every sibling's settings in %s",
    (program) => {
      const env: Record<string, string> = {};
      for (const other of Object.keys(PROGRAM_SETTINGS) as ProgramName[]) {
        for (const setting of Object.values(tableOf(other))) env[setting.env] = '';
      }
      expect(() => loadSettings(program, { env })).not.toThrow();
    },
  );

  it("passes over Kubernetes' service links and the variables of Kafka's own scripts", () => {
    const env = {
      ORDER_SYNC_PORT: 'tcp://10.0.0.1:3000',
      ORDER_SYNC_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
      ORDER_SYNC_PORT_3000_TCP_ADDR: '10.0.0.1',
      ORDER_SYNC_SERVICE_HOST: '10.0.0.1',
      ORDER_SYNC_SERVICE_PORT_HTTP: '3000',
      KAFKA_PORT: 'tcp://10.0.0.2:9092',
      KAFKA_HEAP_OPTS: '-Xmx1g',
    };
    expect(load(env).values.port).toBe(3000);
  });

  it('gives each program one setting for a variable and one for a flag', () => {
    for (const program of Object.keys(PROGRAM_SETTINGS) as ProgramName[]) {
      const settings = Object.values(tableOf(program));
      const flags = settings.flatMap(({ flag }) => (flag === null ? [] : [flag]));
      expect(new Set(settings.map(({ env }) => env)).size).toBe(settings.length);
      expect(new Set(flags).size).toBe(flags.length);
      expect(settings).toHaveLength(
        Object.keys(COMMON_SETTINGS).length + Object.keys(PROGRAM_SETTINGS[program]).length,
      );
    }
  });
});

it('commonVariables hands on what another program reads in the same way, without secrets', () => {
  const env = {
    KAFKA_BROKERS: 'a:1,b:2',
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'sync',
    KAFKA_SASL_PASSWORD: 'hush',
    KAFKA_TLS: 'true',
    ORDER_TOPIC: 'orders-eu',
    TRIBUTARY_DATA_DIR: '/data',
  };
  const { values } = loadSettings('tributary', { env });
  const handedOn = commonVariables(values);
  expect(JSON.stringify(handedOn)).not.toContain('hush');
  const again = loadSettings('order-sync', { env: { ...handedOn, KAFKA_SASL_PASSWORD: 'hush' } }).values;
  for (const key of Object.keys(COMMON_SETTINGS) as (keyof typeof COMMON_SETTINGS)[])
    expect(again[key], key).toEqual(values[key]);
});

describe('secret settings', () => {
  it('reads a secret from the file that its _FILE variable names, without the last newline', () => {
    const path = file('secret', `${SECRET}\n`);
    const settings = load({ ORDER_SYNC_TARGET_SECRET_FILE: path });
    expect(settings.values.targetSecret).toBe(SECRET);
    expect(entry(settings, 'ORDER_SYNC_TARGET_SECRET')).toMatchObject({
      source: 'env',
      from: 'ORDER_SYNC_TARGET_SECRET_FILE',
    });
    const ofWindows = file('secret-of-windows', `${SECRET}\r\n`);
    expect(load({ ORDER_SYNC_TARGET_SECRET_FILE: ofWindows }).values.targetSecret).toBe(SECRET);
  });

  it('warns about each file of a secret that others can read', () => {
    const [key, password] = [file('open-key', 'abc'), file('open-password', 'hush')];
    for (const path of [key, password]) chmodSync(path, 0o644);
    const { warnings } = load({
      ORDER_SYNC_TARGET_API_KEY_FILE: key,
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'sync',
      KAFKA_SASL_PASSWORD_FILE: password,
    });
    expect(warnings).toHaveLength(2);
    for (const path of [key, password]) expect(warnings.join('\n')).toContain(path);
  });

  it('refuses a secret that is given twice, and a missing file', () => {
    const path = file('twice', SECRET);
    expect(refusal({ ORDER_SYNC_TARGET_SECRET: SECRET, ORDER_SYNC_TARGET_SECRET_FILE: path })).toContain(
      'both set',
    );
    expect(refusal({ KAFKA_SASL_PASSWORD_FILE: join(folder, 'absent') })).toContain(
      'KAFKA_SASL_PASSWORD_FILE names',
    );
  });

  it('never shows a secret, whether it is right or wrong', () => {
    const settings = load({
      ORDER_SYNC_TARGET_SECRET: SECRET,
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'sync',
      KAFKA_SASL_PASSWORD: 'hush-hush',
      DATABASE_URL: 'mysql://user:hush%40@db:3306/events?ssl-mode=REQUIRED',
    });
    const shown = JSON.stringify(settings.entries);
    expect(shown).not.toContain('hush');
    expect(shown).not.toContain(SECRET);
    expect(shown).toContain('@db:3306/events');
    expect(refusal({ ORDER_SYNC_TARGET_SECRET: 'whsec_c2hvcnQ=' })).not.toContain('c2hvcnQ');
    const withWord = 'mysql://user:hush%40@db:3306/events?ssl_password=hush-too';
    expect(refusal({ DATABASE_URL: withWord })).not.toContain('hush');
    expect(refusal({ DATABASE_URL: 'mysqlx://user:hush@db/events' })).not.toContain('hush');
    const withTwo = 'https://user:hush@shop/orders?key=hush-1&page=1&access_token=hush-2';
    const shownUrl = entry(load({ ORDER_SYNC_TARGET_URL: withTwo }), 'ORDER_SYNC_TARGET_URL')?.value;
    expect(shownUrl).not.toContain('hush');
    expect(shownUrl).toContain('page=1');
    expect(refusal({ DATABASE_URL: 'user:hush@db' })).not.toContain('hush');
  });

  it('takes two webhook secrets at once, for a rotation', () => {
    const both = `${SECRET} whsec_${Buffer.alloc(24, 9).toString('base64')}`;
    expect(loadSettings('order-mgt', { env: { ORDER_MGT_SECRET: both } }).values.secret).toBe(both);
    expect(() =>
      loadSettings('order-mgt', { env: { ORDER_MGT_SECRET: `${SECRET} whsec_c2hvcnQ=` } }),
    ).toThrow('ORDER_MGT_SECRET');
  });

  it('takes API keys from a variable or a file, and shows neither right nor wrong ones', () => {
    const hash = 'ab12'.repeat(16);
    const path = file('api-keys', `ops:read,operate:${hash}\ndashboard:read:${hash.replace('a', 'c')}\n`);
    for (const settings of [
      load({ ORDER_SYNC_API_KEYS_FILE: path }),
      load({ ORDER_SYNC_API_KEYS: `ops:read:${hash}` }),
    ]) {
      expect(settings.values.apiKeys).toContain(`:${hash}`);
      expect(entry(settings, 'ORDER_SYNC_API_KEYS')).toMatchObject({ value: '********' });
      expect(JSON.stringify(settings.entries)).not.toContain('ab12');
    }
    const wrong = refusal({ ORDER_SYNC_API_KEYS: `ops:read:${hash} dashboard:write:${hash}` });
    expect(wrong).toBe(
      'ORDER_SYNC_API_KEYS is "********": entry no. 2 (dashboard) has a scope write that order-sync does not have: ' +
        'give read or operate; make a key with its entry by: order-sync keys make --name NAME.',
    );
    expect(() => loadSettings('order-mgt', { env: { ORDER_MGT_API_KEYS: `a:operate:${hash}` } })).toThrow(
      'ORDER_MGT_API_KEYS is "********": entry no. 1 (a) has a scope operate that order-mgt does not have: give read;',
    );
    expect(refusal({ ORDER_SYNC_API_KEYS_FILE: file('no-keys', '\n') })).toMatch(
      /^ORDER_SYNC_API_KEYS_FILE names .*no-keys, which is empty: it holds 0 entries/,
    );
  });

  it("takes any form of a key to the target's API, and never shows it", () => {
    const settings = load({ ORDER_SYNC_TARGET_API_KEY_FILE: file('target-key', 'abc.DEF-9_~+/==\n') });
    expect(settings.values.targetApiKey).toBe('abc.DEF-9_~+/==');
    expect(JSON.stringify(settings.entries)).not.toContain('abc.DEF');
    for (const wrong of ['hush hush', 'hush\nhush', 'hush: x', 'hüsh']) {
      const message = refusal({ ORDER_SYNC_TARGET_API_KEY: wrong });
      expect(message).toMatch(/^ORDER_SYNC_TARGET_API_KEY is "\*{8}": give one key/);
      expect(message).not.toMatch(/h[uü]sh/);
    }
  });

  it('never quotes a settings file that is no JSON', () => {
    const config = file('broken.json', '{"KAFKA_SASL_PASSWORD": hush}');
    const message = refusal({ TRIBUTARY_CONFIG: config });
    expect(message).toContain('it is not valid JSON');
    expect(message).not.toContain('hush');
  });

  it('takes no secret from the command line', () => {
    for (const program of Object.keys(PROGRAM_SETTINGS) as ProgramName[]) {
      for (const setting of Object.values(tableOf(program))) {
        if (setting.kind === 'secret') expect(setting.flag).toBeNull();
      }
    }
    expect(load({}, { targetSecret: SECRET }).values.targetSecret).toBeUndefined();
  });
});
