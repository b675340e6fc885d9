import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import avro from 'avsc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openValueSchemas } from '../../../src/adapters/schema-registry/index.ts';
import { type Answers, AVRO_ORDER, startRegistry } from './registry.ts';

const NAME = JSON.stringify({ type: 'record', name: 'Name', fields: [{ name: 'x', type: 'string' }] });
const HELD = JSON.stringify({ type: 'record', name: 'Held', fields: [{ name: 'name', type: 'Name' }] });
const X = avro.Type.forSchema(JSON.parse(NAME)).toBuffer({ x: 'a' });

async function place(answers: Answers, more: { user?: string; token?: string; path?: string } = {}) {
  const clock = { nowMs: 1_000, now: () => clock.nowMs };
  const registry = await startRegistry(answers);
  const url = registry.url.replace('//', more.user === undefined ? '//' : `//${more.user}@`);
  const { token, path = '' } = more;
  const schemas = openValueSchemas({
    clock,
    registry: { url: `${url}${path}`, token, settingName: 'REGISTRY' },
  });
  return { ...registry, clock, schemas };
}

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-schemas-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('a registry of schemas', () => {
  it('asks for a schema once for two callers at once, and then knows it', async () => {
    const { schemas, asked } = await place({ '/schemas/ids/7': { schema: NAME } });
    await Promise.all([schemas.prepare(['7', '7']), schemas.prepare(['7'])]);
    expect(schemas.prepare(['7'])).toBeNull();
    expect(asked.map(({ path }) => path)).toEqual(['/schemas/ids/7']);
    const read = schemas.read('7', X);
    expect(read).toMatchObject({ kind: 'value', hasTextNumbers: false });
    expect(read.kind === 'value' && String(read.json)).toBe('{"x":"a"}');
  });

  it('writes long numbers with all their digits', async () => {
    const { schemas } = await place({ '/schemas/ids/7': { schema: '"long"' } });
    await schemas.prepare(['7']);
    const read = schemas.read('7', Buffer.from('feffffffffffffffff01', 'hex'));
    expect(read.kind === 'value' && String(read.json)).toBe('9223372036854775807');
  });

  const APIS = '/apis/ccompat/v7';
  const globalId = (version: string, id: number) => `/apis/registry/${version}/ids/globalIds/${id}`;
  const text = (schema: string, type = 'application/json') => ({ status: 200, text: schema, type });

  it.each(['v3', 'v2'])("asks for global ids by Apicurio's own API, as of version %s", async (version) => {
    const { schemas, asked } = await place({ [globalId(version, 7)]: text(NAME) }, { path: APIS });
    await schemas.prepare(['global-7']);
    expect(asked.at(-1)?.path).toBe(`${globalId(version, 7)}?references=DEREFERENCE&dereference=true`);
    expect(schemas.read('global-7', X)).toMatchObject({ kind: 'value' });
    await schemas.prepare(['global-8']);
    expect(schemas.read('global-8', X)).toMatchObject({
      detail: expect.stringContaining('no schema global-8'),
    });
  });

  it.each(['v3', 'v2'])(
    'knows no schema of a global id if only version %s is not served',
    async (version) => {
      const page = { status: 404, text: '<html>Not found</html>', type: 'text/html' };
      const { schemas } = await place({ [globalId(version, 7)]: page }, { path: APIS });
      await schemas.prepare(['global-7']);
      expect(schemas.read('global-7', X)).toMatchObject({
        detail: expect.stringContaining('no schema global-7'),
      });
    },
  );

  it('knows by itself of what kind the schema of a global id is', async () => {
    const { schemas } = await place(
      {
        [globalId('v3', 7)]: text('syntax = "proto3"; message A { string a = 1; }', 'application/x-protobuf'),
        [globalId('v3', 8)]: text('{"type":"object","properties":{}}'),
        [globalId('v3', 9)]: { status: 500, text: '' },
        [globalId('v3', 10)]: { status: 404, text: '<html>' },
        [globalId('v2', 10)]: { status: 404, text: '<html>' },
      },
      { path: APIS },
    );
    await schemas.prepare(['global-7', 'global-8']);
    const json = (name: string, payload: Buffer) => {
      const read = schemas.read(name, payload);
      return read.kind === 'value' ? String(read.json) : read.detail;
    };
    expect(json('global-7', Buffer.from('000a0161', 'hex'))).toBe('{"a":"a"}');
    expect(json('global-8', Buffer.from('{"b":1}'))).toBe('{"b":1}');
    await expect(schemas.prepare(['global-9'])).rejects.toThrow(/answered .*globalIds\/9 with 500/);
    await expect(schemas.prepare(['global-10'])).rejects.toThrow(/with 404 \(no registry answers/);
  });

  it('takes a global id for any other where a registry has only one kind', async () => {
    const { schemas } = await place({ '/schemas/ids/7': { schema: NAME } });
    await schemas.prepare(['global-7']);
    expect(schemas.read('global-7', X)).toMatchObject({ kind: 'value' });
  });

  it('brings along the schemas that a schema refers to', async () => {
    const { schemas, asked } = await place({
      '/schemas/ids/7': { schema: HELD, references: [{ name: 'Name', subject: 'a/name', version: 3 }] },
      '/subjects/a%2Fname/versions/3': { schema: NAME },
    });
    await schemas.prepare(['7']);
    expect(asked).toHaveLength(2);
    const read = schemas.read('7', X);
    expect(read.kind === 'value' && String(read.json)).toBe('{"name":{"x":"a"}}');
  });

  it('brings along the schemas to which those refer, the innermost first', async () => {
    const outer = { type: 'record', name: 'Outer', fields: [{ name: 'held', type: 'Held' }] };
    const { schemas } = await place({
      '/schemas/ids/7': {
        schema: JSON.stringify(outer),
        references: [{ name: 'Held', subject: 'held', version: 1 }],
      },
      '/subjects/held/versions/1': {
        schema: HELD,
        references: [{ name: 'Name', subject: 'name', version: 2 }],
      },
      '/subjects/name/versions/2': { schema: NAME },
    });
    await schemas.prepare(['7']);
    const read = schemas.read('7', X);
    expect(read.kind === 'value' && String(read.json)).toBe('{"held":{"name":{"x":"a"}}}');
  });

  it('asks for each reference once, also if a registry that is broken names them in a circle', async () => {
    const reference = (name: string) => [{ name, subject: name.toLowerCase(), version: 1 }];
    let asks = 0;
    const { schemas, asked } = await place({
      '/schemas/ids/7': { schema: HELD, references: reference('Name') },
      get '/subjects/name/versions/1'() {
        const isInCircle = ++asks > 5;
        return isInCircle ? { status: 500, text: '' } : { schema: NAME, references: reference('Other') };
      },
      '/subjects/other/versions/1': { schema: '"string"', references: reference('Name') },
    });
    await schemas.prepare(['7']);
    expect(asked.map(({ path }) => path)).toEqual([
      '/schemas/ids/7',
      '/subjects/name/versions/1',
      '/subjects/other/versions/1',
    ]);
    expect(schemas.read('7', X)).toMatchObject({ kind: 'value' });
  });

  it('leaves a payload of JSON as it is', async () => {
    const { schemas } = await place({ '/schemas/ids/7': { schema: '{}', schemaType: 'JSON' } });
    await schemas.prepare(['7']);
    expect(schemas.read('7', Buffer.from('{"a":1}'))).toMatchObject({ json: Buffer.from('{"a":1}') });
  });

  it('finds a schema by its GUID', async () => {
    const guid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
    const { schemas } = await place({ [`/schemas/guids/${guid}`]: { schema: NAME } });
    await schemas.prepare([guid]);
    expect(schemas.read(guid, X)).toMatchObject({ kind: 'value' });
  });

  it('asks with user and password, or with a token', async () => {
    const answers = { '/schemas/ids/7': { schema: NAME } };
    const byUser = await place(answers, { user: 'me:p%40ss' });
    await byUser.schemas.prepare(['7']);
    expect(byUser.asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    const byToken = await place(answers, { token: 'secret' });
    await byToken.schemas.prepare(['7']);
    expect(byToken.asked[0]?.headers.authorization).toBe('Bearer secret');
  });

  it('asks again after a minute for a schema that was missing', async () => {
    const answers: Answers = {};
    const { schemas, clock, asked, url } = await place(answers);
    await schemas.prepare(['7']);
    expect(schemas.read('7', X)).toEqual({
      kind: 'no_schema',
      detail: `The schema registry at ${url} has no schema 7.`,
    });
    answers['/schemas/ids/7'] = { schema: NAME };
    clock.nowMs += 59_999;
    expect(schemas.prepare(['7'])).toBeNull();
    clock.nowMs += 1;
    await schemas.prepare(['7']);
    expect(schemas.read('7', X)).toMatchObject({ kind: 'value' });
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['AVRO', '{', 'JSON'],
    ['PROTOBUF', 'syntax = "proto3"; import "gone.proto"; message A {}', 'it imports gone.proto'],
  ])('says why it cannot use a schema: %s', async (schemaType, schema, why) => {
    const { schemas } = await place({ '/schemas/ids/7': { schemaType, schema } });
    await schemas.prepare(['7']);
    expect(schemas.read('7', X)).toMatchObject({ kind: 'no_schema', detail: expect.stringContaining(why) });
  });

  it('refuses bytes that are no value of the schema, and quotes none of them', async () => {
    const { schemas } = await place({ '/schemas/ids/7': { schema: AVRO_ORDER } });
    await schemas.prepare(['7']);
    expect(schemas.read('7', Buffer.from('secret'))).toEqual({
      kind: 'mismatch',
      detail: 'The bytes behind the prefix are no value of the schema 7 (Avro shop.Order).',
    });
  });

  it.each([
    [401, '', 'answered /schemas/ids/7 with 401 (give user and password in the URL, or a token)'],
    [403, '', 'with 403 (the user may not read schemas)'],
    [404, '<html>', 'with 404 (no registry answers under this URL)'],
    [503, '', 'with 503'],
    [200, '<html>', 'with something else than a schema'],
    [200, 'null', 'with something else than a schema'],
  ])('rejects while the registry answers %i %s', async (status, text, message) => {
    const { schemas } = await place({ '/schemas/ids/7': { status, text } }, { user: 'me:hidden' });
    const error = await schemas.prepare(['7'])?.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'schemas_unreachable', retryable: true });
    expect(String(error)).toContain(message);
    expect(String(error)).toContain('REGISTRY');
    expect(String(error)).not.toContain('hidden');
  });

  it('asks again at once after the registry has failed, and then knows the schema', async () => {
    const answers: Answers = { '/schemas/ids/7': { status: 503, text: '' } };
    const { schemas } = await place(answers);
    await expect(schemas.prepare(['7'])).rejects.toMatchObject({ code: 'schemas_unreachable' });
    answers['/schemas/ids/7'] = { schema: NAME };
    await schemas.prepare(['7']);
    expect(schemas.read('7', X)).toMatchObject({ kind: 'value' });
  });

  it('rejects while nothing listens at the URL', async () => {
    const registry = { url: 'http://127.0.0.1:1', settingName: 'REGISTRY' };
    const schemas = openValueSchemas({ clock: { now: () => 0 }, registry });
    await expect(schemas.prepare(['7'])).rejects.toThrow(/127\.0\.0\.1:1 does not answer/);
    await expect(schemas.prepare(['7'])).rejects.toMatchObject({ code: 'schemas_unreachable' });
  });
});

describe('a folder of schemas', () => {
  const clock = { now: () => 0 };
  const open = (files: Record<string, string>) =>
    openValueSchemas({ clock, folder: { path: folderWith(files), settingName: 'FOLDER' } });

  it('names schemas by their ids, and lets them refer to the other files', async () => {
    const schemas = open({
      '7.avsc': HELD,
      'name.avsc': NAME,
      '8.proto': 'syntax = "proto3"; import "shop/line.proto"; message Order { shop.Line line = 1; }',
      'shop/line.proto': 'syntax = "proto3"; package shop; message Line { string sku = 1; }',
      'README.md': 'x',
    });
    await schemas.prepare(['7', '8', '9']);
    const avroRead = schemas.read('7', X);
    expect(avroRead.kind === 'value' && String(avroRead.json)).toBe('{"name":{"x":"a"}}');
    const protoRead = schemas.read('8', Buffer.from('000a030a0161', 'hex'));
    expect(protoRead.kind === 'value' && String(protoRead.json)).toBe('{"line":{"sku":"a"}}');
    expect(schemas.read('9', X)).toEqual({
      kind: 'no_schema',
      detail: 'The folder of schemas has no schema 9.',
    });
  });

  it('counts before the registry', async () => {
    const { url, asked } = await startRegistry({ '/schemas/ids/8': { schema: NAME } });
    const schemas = openValueSchemas({
      clock,
      folder: { path: folderWith({ '7.avsc': NAME }), settingName: 'FOLDER' },
      registry: { url, settingName: 'REGISTRY' },
    });
    await schemas.prepare(['7', '8']);
    expect(asked.map(({ path }) => path)).toEqual(['/schemas/ids/8']);
  });

  it.each([
    ['holds none', {}, 'holds no schema'],
    ['has no file named by an id', { 'order.avsc': NAME }, 'holds no schema'],
  ])('refuses a folder that %s', (_name, files, message) => {
    expect(() => open(files)).toThrow(message);
  });

  it('refuses a folder that cannot be read', () => {
    const path = join(tmpdir(), 'tributary-no-such-folder');
    expect(() => openValueSchemas({ clock, folder: { path, settingName: 'FOLDER' } })).toThrow(
      /FOLDER names .*cannot be read/,
    );
  });
});
