// Reads one entry of a zip archive, such as a jar, with Node's own modules, so that neither unzip nor a JDK is needed.
// The layout is in PKWARE APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its end).

import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const endLength = 22;
const centralLength = 46;
const localLength = 30;

/** Returns the content of one entry. Reads the whole archive into memory, which suits archives below 100 MB. */
export async function readZipEntry(archivePath: string, entryName: string): Promise<Buffer> {
  const archive = await readFile(archivePath);
  let position = archive.length - endLength;
  while (position >= 0 && archive.readUInt32LE(position) !== endSignature) position -= 1;
  if (position < 0)
    throw new Error(`${archivePath} is not a zip archive: it has no end of central directory`);

  const entries = archive.readUInt16LE(position + 10);
  let cursor = archive.readUInt32LE(position + 16);
  for (let entry = 0; entry < entries; entry += 1) {
    if (archive.readUInt32LE(cursor) !== centralSignature) break;
    const nameLength = archive.readUInt16LE(cursor + 28);
    const name = archive.toString('utf8', cursor + centralLength, cursor + centralLength + nameLength);
    if (name === entryName) return content(archive, cursor);
    cursor +=
      centralLength + nameLength + archive.readUInt16LE(cursor + 30) + archive.readUInt16LE(cursor + 32);
  }
  throw new Error(`${archivePath} has no entry ${entryName}`);
}

function content(archive: Buffer, central: number): Buffer {
  const method = archive.readUInt16LE(central + 10);
  const compressedLength = archive.readUInt32LE(central + 20);
  const local = archive.readUInt32LE(central + 42);
  const start = local + localLength + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const bytes = archive.subarray(start, start + compressedLength);
  if (method === 0) return bytes;
  if (method === 8) return inflateRawSync(bytes);
  throw new Error(`Zip compression method ${method} is not supported`);
}
