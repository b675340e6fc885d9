import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stockLedger } from '../../../../examples/stock-ledger/domain.ts';
import { consolePlaceIn } from '../../../../src/apps/order-sync/console/console-build.ts';
import { ConsolePages, type ConsoleSource } from '../../../../src/apps/order-sync/console/console-pages.ts';
import { PAGE_PATHS } from '../../../../src/apps/order-sync/console/page-paths.ts';
import { wordsForPages } from '../../../../src/apps/shared/settings/domain-words.ts';
import { SYNCED_ORDERS, syncedOf } from '../../../../src/apps/shared/settings/synced.ts';
import { testServer } from '../http/test-server.ts';

const INDEX = '<!doctype html><script src="/assets/index-1.js"></script>';
const SCRIPT = `console.log(${JSON.stringify('x'.repeat(5_000))});`;

/** The pages of a folder with an index, a long script and a picture. */
async function somePages(data: Record<string, string> = {}, index = INDEX): Promise<ConsolePages> {
  const root = await mkdtemp(join(tmpdir(), 'tributary-console-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const place = consolePlaceIn(root);
  await mkdir(join(place.finished, 'assets'), { recursive: true });
  await writeFile(join(place.finished, 'index.html'), index);
  await writeFile(join(place.finished, 'assets', 'index-1.js'), SCRIPT);
  await writeFile(join(place.finished, 'assets', 'logo.png'), Buffer.alloc(5_000));
  const pages = new ConsolePages(place, () => {}, data);
  onTestFinished(() => pages.stop());
  return pages;
}

async function server(console: ConsoleSource) {
  const { app } = await testServer([], { console, access: [] });
  return (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' | 'POST' = 'GET') =>
    app.inject({ url, headers, method });
}

describe('the pages of the console', () => {
  it('answer every page path with the same document, without a key', async () => {
    const ask = await server(await somePages());
    for (const path of PAGE_PATHS) {
      const url = path.replaceAll(/:\w+/g, 'a%2Fb');
      const { statusCode, headers, body } = await ask(url);
      expect({ statusCode, body }, url).toEqual({ statusCode: 200, body: INDEX });
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      });
    }
    expect((await ask('/orders', {}, 'HEAD')).statusCode).toBe(200);
  });

  it('say what the domain calls its entities in the root of their document', async () => {
    const index = '<!doctype html><html lang="en"><body></body></html>';
    const words = wordsForPages(syncedOf(stockLedger));
    const ask = await server(await somePages({ ...words, other: '"<&$&' }, index));
    expect((await ask('/orders')).body).toBe(
      '<!doctype html><html data-noun="article" data-plural="articles" data-invocation="node sync.ts" ' +
        'data-other="&quot;&lt;&amp;$&amp;" lang="en"><body></body></html>',
    );
    expect(wordsForPages(SYNCED_ORDERS)).toEqual({});
  });

  it('load files that never change, compressed for clients that take gzip', async () => {
    const ask = await server(await somePages());
    const plain = await ask('/assets/index-1.js');
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
    expect([plain.body, plain.headers['content-encoding']]).toEqual([SCRIPT, undefined]);
    const packed = await ask('/assets/index-1.js', { 'accept-encoding': 'br, gzip;q=0.5' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.rawPayload).toString()).toBe(SCRIPT);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
    for (const refusing of ['gzip;q=0', 'br', ''])
      expect(
        (await ask('/assets/index-1.js', { 'accept-encoding': refusing })).headers['content-encoding'],
        refusing,
      ).toBeUndefined();
    const picture = await ask('/assets/logo.png', { 'accept-encoding': 'gzip' });
    expect(picture.headers['content-encoding']).toBeUndefined();
    expect(picture.headers['content-type']).toBe('image/png');
  });

  it('answer 304 to a client that has the content', async () => {
    const ask = await server(await somePages());
    const { etag = '' } = (await ask('/')).headers;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { statusCode, body } = await ask('/', { 'if-none-match': String(known) });
      expect([statusCode, body], String(known)).toEqual([304, '']);
    }
    expect((await ask('/', { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  it('answer 304 without an encoding, because there is no body that has one', async () => {
    const ask = await server(await somePages());
    const gzip = { 'accept-encoding': 'gzip' };
    const whole = await ask('/assets/index-1.js', gzip);
    expect(whole.headers['content-encoding']).toBe('gzip');
    const known = await ask('/assets/index-1.js', { ...gzip, 'if-none-match': String(whole.headers.etag) });
    expect([known.statusCode, known.body]).toEqual([304, '']);
    expect(known.headers).not.toHaveProperty('content-encoding');
    expect(known.headers).toMatchObject({ etag: whole.headers.etag, vary: 'accept-encoding' });
  });

  it('answer a browser on an unknown path with their document and 404', async () => {
    const ask = await server(await somePages());
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'if-none-match': '*' };
    for (const url of ['/nothing', '/orders/a/b', '/index.html', '/apis', '/nothing?x=/api/']) {
      const { statusCode, headers, body } = await ask(url, browser);
      expect({ statusCode, body }, url).toEqual({ statusCode: 404, body: INDEX });
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        vary: 'accept, accept-encoding',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      });
    }
  });

  it('leave unknown paths of the API, and clients that do not ask for HTML, to the problems of the API', async () => {
    const ask = await server(await somePages());
    const asked: readonly (readonly [url: string, accept: string])[] = [
      ['/api/v1/nothing', 'text/html'],
      ['/api', 'text/html'],
      ['/nothing', '*/*'],
      ['/nothing', 'application/json'],
      ['/nothing', 'application/json, text/html;q=0'],
      ['/nothing', 'text/html-sandboxed'],
    ];
    for (const [url, accept] of asked) {
      const answer = await ask(url, { accept });
      expect([answer.statusCode, answer.json().code], `${url} ${accept}`).toEqual([404, 'route_unknown']);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await ask('/nothing', { accept: 'text/html' }, 'POST')).json().code).toBe('route_unknown');
  });

  it('leave an unknown path to the problems of the API while they are missing', async () => {
    const ask = await server(new ConsolePages(consolePlaceIn('/nowhere'), () => {}));
    const answer = await ask('/nothing', { accept: 'text/html' });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'route_unknown']);
  });

  it('leave all other paths and methods to the problems of the API', async () => {
    const ask = await server(await somePages());
    for (const url of [
      '/nothing',
      '/orders/a/b',
      '/assets/none.js',
      '/assets/../index.html',
      '/index.html',
    ]) {
      const answer = await ask(url);
      expect([answer.statusCode, answer.json().code], url).toEqual([404, 'route_unknown']);
    }
    for (const url of ['/', '/orders/a', '/assets/index-1.js']) {
      const answer = await ask(url, {}, 'POST');
      expect([answer.statusCode, answer.headers.allow], url).toEqual([405, 'GET, HEAD']);
    }
  });

  it('stay out of the OpenAPI document', async () => {
    const ask = await server(await somePages());
    const { paths } = (await ask('/openapi.json')).json();
    expect(Object.keys(paths).filter((path) => /^\/(assets|orders|jobs|try|$)/.test(path))).toEqual([]);
  });

  it('say in plain text why they are missing and how to build them, and the API still answers', async () => {
    const pages = new ConsolePages(consolePlaceIn('/nowhere'), () => {});
    const ask = await server(pages);
    const { statusCode, headers, body } = await ask('/orders');
    expect(statusCode).toBe(503);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toMatch(/neither its sources nor its built files are installed[\s\S]*npm ci/);
    expect((await ask('/assets/index-1.js')).statusCode).toBe(404);
    expect((await ask('/livez')).statusCode).toBe(200);
  });

  it('wait for a build that is under way', async () => {
    const finished = Promise.withResolvers<void>();
    const pages = await somePages();
    const ask = await server({ files: () => finished.promise.then(() => pages.files()) });
    let isAnswered = false;
    const answer = ask('/').then((given) => {
      isAnswered = true;
      return given;
    });
    expect((await ask('/livez')).statusCode).toBe(200);
    expect(isAnswered).toBe(false);
    finished.resolve();
    expect((await answer).body).toBe(INDEX);
  });
});
