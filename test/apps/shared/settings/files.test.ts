import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';

function load(content: string | Buffer) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-value-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'value');
  writeFileSync(path, content, { mode: 0o600 });
  return loadSettings('order-sync', { env: { ORDER_SYNC_TARGET_API_KEY_FILE: path } }).values.targetApiKey;
}

describe('a file of one value', () => {
  it.each([
    ['a line end', 'abc\n'],
    ['line ends of Windows', 'abc\r\n\r\n'],
    ['a byte order mark', '\ufeffabc\n'],
    ['nothing else', 'abc'],
  ])('gives the value without %s', (_what, content) => {
    expect(load(content)).toBe('abc');
  });

  it.each([
    ['nothing', '', /API_KEY_FILE names .*, which is empty/],
    ['line ends alone', '\n\n', /which is empty/],
    ['UTF-16', Buffer.from('\ufeffabc', 'utf16le'), /which is no text in UTF-8/],
    ['two keys', 'abc\ndef\n', /give one key/],
    ['the scheme before the key', 'Bearer abc\n', /give the key alone/],
  ])('refuses %s', (_what, content, message) => {
    expect(() => load(content)).toThrow(message);
  });
});
