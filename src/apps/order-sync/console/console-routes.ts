import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from '../../shared/http/problem.ts';
import type { UnknownPage } from '../../shared/http/unknown-routes.ts';
import type { ConsoleFile, ConsoleFiles, Encoded } from './console-files.ts';
import type { ConsoleSource } from './console-pages.ts';
import { ASSET_PATH, PAGE_PATHS } from './page-paths.ts';

/** The pages run only their own files, and no other site can show them in a frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** The names of these files hold a hash of their content, so that they never change. */
const FOR_EVER = 'public, max-age=31536000, immutable';
/** The browser asks each time whether the document is still the same. */
const ASK_AGAIN = 'no-cache';

/** Adds the pages of the console and the files that they load. They are no part of the API, so no document describes them. */
export function addConsoleRoutes(app: FastifyInstance, source: ConsoleSource): void {
  const schema = { hide: true };
  for (const path of PAGE_PATHS)
    app.get(path, { schema }, async (request, reply) => {
      const loaded = await source.files();
      const index = loaded.kind === 'loaded' ? loaded.files.get('/index.html') : undefined;
      if (index !== undefined) return sendFile(request, reply, index, ASK_AGAIN);
      return sendNote(reply, loaded.kind === 'missing' ? loaded.reason : 'its files lack index.html');
    });
  app.get<{ Params: { readonly '*': string } }>(ASSET_PATH, { schema }, async (request, reply) => {
    const loaded = await source.files();
    const files: ConsoleFiles = loaded.kind === 'loaded' ? loaded.files : new Map();
    const file = files.get(`/assets/${request.params['*']}`);
    if (file === undefined)
      throw new HttpProblem(
        404,
        'route_unknown',
        'The console has no file at this path: load the page anew.',
      );
    return sendFile(request, reply, file, FOR_EVER);
  });
}

/** The console's own page about an unknown path, with 404. It needs no key, because it holds no data. */
export function unknownPageOf(source: ConsoleSource): UnknownPage {
  return async (request, reply) => {
    const loaded = await source.files();
    const index = loaded.kind === 'loaded' ? loaded.files.get('/index.html') : undefined;
    if (index === undefined) return null;
    const { bytes } = encodedFor(request, reply, index);
    return reply
      .code(404)
      .headers({ 'cache-control': 'no-store', vary: 'accept, accept-encoding' })
      .type(index.type)
      .send(bytes);
  };
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: ConsoleFile,
  cacheControl: string,
): FastifyReply {
  const { bytes, etag } = encodedFor(request, reply, file);
  reply.headers({ 'cache-control': cacheControl, etag, vary: 'accept-encoding' });
  if (isKnown(etag, request.headers['if-none-match']))
    return reply.code(304).removeHeader('content-encoding').send();
  return reply.type(file.type).send(bytes);
}

/** The content in an encoding that the client takes. Sets the header of the encoding, and those that protect each page. */
function encodedFor(request: FastifyRequest, reply: FastifyReply, { plain, gzip }: ConsoleFile): Encoded {
  reply.headers(SECURITY_HEADERS);
  if (gzip === null || !isTaken('gzip', request.headers['accept-encoding'])) return plain;
  reply.header('content-encoding', 'gzip');
  return gzip;
}

/** Whether the client takes the encoding. It says so with `gzip` or `*`, unless the weight is 0. Source: RFC 9110, 12.5.3. */
function isTaken(encoding: string, accepted: string | readonly string[] | undefined): boolean {
  const weights = new Map(
    String(accepted ?? '')
      .toLowerCase()
      .split(',')
      .map((item) => {
        const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
        const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
        return [name, weight === undefined ? 1 : Number(weight)] as const;
      }),
  );
  return (weights.get(encoding) ?? weights.get('*') ?? 0) > 0;
}

/** Whether the client has this content already. Source: RFC 9110, 13.1.2. */
function isKnown(etag: string, given: string | undefined): boolean {
  const tags = (given ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

function sendNote(reply: FastifyReply, reason: string): FastifyReply {
  return reply
    .code(503)
    .headers({ ...SECURITY_HEADERS, 'cache-control': 'no-store' })
    .type('text/plain; charset=utf-8')
    .send(
      `The console is not here: ${reason}.\n\n` +
        'It is built at the start of order-sync from a checkout with all packages: run "npm ci" there, without\n' +
        '--omit=dev, and start order-sync again. The image of docker/Dockerfile has it too.\n\n' +
        'The HTTP API works without it: /openapi.json describes it.\n',
    );
}
