import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';

/** One built file of the console, in memory. */
export interface ConsoleFile {
  /** The media type, for the header `content-type`. */
  readonly type: string;
  readonly plain: Encoded;
  /** Null where compression would save little. */
  readonly gzip: Encoded | null;
}

/** The bytes of one encoding, with an entity tag of their own (RFC 9110, 8.8.3). */
export interface Encoded {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** The built files by their paths from the root of the site, as in `/assets/index-1a2b.js`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
/** These are compressed already. */
const COMPRESSED = new Set(['.png', '.woff2']);
/** A smaller file fits into one packet as it is. */
const COMPRESS_FROM_BYTES = 1_024;

const compress = promisify(gzip);

/** Reads all files below the folder, and compresses them once. Rejects if the folder cannot be read. */
export async function loadConsoleFiles(folder: string): Promise<ConsoleFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      paths.map(
        async (path) =>
          [
            `/${relative(folder, path).split(sep).join('/')}`,
            await fileOf(path, await readFile(path)),
          ] as const,
      ),
    ),
  );
}

/** The document with these attributes of its root element, which its script reads (`dataset`). */
export async function withData(
  files: ConsoleFiles,
  data: Readonly<Record<string, string>>,
): Promise<ConsoleFiles> {
  const path = '/index.html';
  const document = files.get(path);
  if (document === undefined || Object.keys(data).length === 0) return files;
  const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${escaped(value)}"`);
  const text = document.plain.bytes.toString('utf8').replace('<html', () => `<html${attributes.join('')}`);
  return new Map([...files, [path, await fileOf(path, Buffer.from(text))]]);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

async function fileOf(path: string, bytes: Buffer): Promise<ConsoleFile> {
  const ending = extname(path).toLowerCase();
  const tag = hash('sha256', bytes, 'hex').slice(0, 32);
  const isWorthIt = bytes.length >= COMPRESS_FROM_BYTES && !COMPRESSED.has(ending);
  return {
    type: TYPES[ending] ?? 'application/octet-stream',
    plain: { bytes, etag: `"${tag}"` },
    gzip: isWorthIt
      ? { bytes: await compress(bytes, { level: constants.Z_BEST_COMPRESSION }), etag: `"${tag}-gzip"` }
      : null,
  };
}
