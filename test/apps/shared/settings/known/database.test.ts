import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  databaseFaults,
  databaseOf,
  userFrom,
} from '../../../../../src/apps/shared/settings/known/database.ts';

const databaseUrl = 'mysql://root@db.test/sync';

function pemWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-pem-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.pem');
  writeFileSync(file, content);
  return file;
}

describe('the user of --grants-for', () => {
  it.each([
    ['sync', "'sync'@'%'"],
    ["'sync'", "'sync'@'%'"],
    ["'sync'@'10.0.0.%'", "'sync'@'10.0.0.%'"],
    ['`sync`@`db.test`', "'sync'@'db.test'"],
    ['sync@localhost', "'sync'@'localhost'"],
  ])('userFrom reads %s as %s', (given, user) => {
    expect(userFrom(given)).toBe(user);
  });

  it.each(["'sync", "sync'; DROP TABLE x", "'a b'", '', "'sync'@"])('userFrom refuses %j', (given) => {
    expect(() => userFrom(given)).toThrow('Give the user as SQL writes it');
  });

  it('userFrom finds none without the option', () => {
    expect(userFrom(undefined)).toBeNull();
  });
});

describe('the TLS of a database', () => {
  it('refuses files of certificates that hold none', () => {
    for (const [content, fault] of [
      ['-----BEGIN PRIVATE KEY-----\nx', 'DATABASE_TLS_CERT_FILE (or the URL) names'],
      ['x', 'which is no PEM file'],
    ] as const) {
      const file = pemWith(content);
      const values = {
        databaseUrl,
        databaseTls: 'required',
        databaseTlsKeyFile: file,
        databaseTlsCertFile: file,
      } as const;
      expect(() => databaseOf(values, 'DATABASE')).toThrow(fault);
    }
  });

  it('needs a certificate and its key together', () => {
    const only = (more: object) =>
      databaseFaults({ databaseUrl, databaseTls: 'required', ...more }, 'DATABASE');
    expect(only({ databaseTlsCertFile: 'a.pem' })).toEqual([
      'DATABASE_TLS_CERT_FILE is set without DATABASE_TLS_KEY_FILE: set both.',
    ]);
    expect(only({ databaseTlsKeyFile: 'a.pem' })).toEqual([
      'DATABASE_TLS_KEY_FILE is set without DATABASE_TLS_CERT_FILE: set both.',
    ]);
    expect(only({ databaseTlsKeyFile: 'a.pem', databaseTlsCertFile: 'b.pem' })).toEqual([]);
  });
});
