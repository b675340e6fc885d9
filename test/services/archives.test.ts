import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readZipEntry } from './archives.ts';

let folder: string;
let archive: string;

/** Makes a zip archive as the specification says: local headers with data, the central directory, and its end. */
function zip(entries: readonly { name: string; content: string; method: 0 | 8 }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method } of entries) {
    const data = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(4, 28);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    const entry = Buffer.concat([local, Buffer.from(name), Buffer.from('more'), data]);
    parts.push(entry);
    offset += entry.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-archive-test-'));
  archive = join(folder, 'some.jar');
  writeFileSync(
    archive,
    zip([
      { name: 'stored.txt', content: 'as it is', method: 0 },
      { name: 'deflated.txt', content: 'again and again and again', method: 8 },
    ]),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

test('readZipEntry reads stored and deflated entries by name', async () => {
  expect((await readZipEntry(archive, 'stored.txt')).toString()).toBe('as it is');
  expect((await readZipEntry(archive, 'deflated.txt')).toString()).toBe('again and again and again');
});

test('readZipEntry names a missing entry in its error', async () => {
  await expect(readZipEntry(archive, 'other.txt')).rejects.toThrow('has no entry other.txt');
});

test('readZipEntry refuses a file that is not a zip archive', async () => {
  const file = join(folder, 'page.html');
  writeFileSync(file, '<html>a proxy says no, in more bytes than a zip archive has at its end</html>');
  await expect(readZipEntry(file, 'stored.txt')).rejects.toThrow('is not a zip archive');
});
