import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, run } from './commands.ts';
import { launcherOf, libraryPath, packagesOf, unpackAll, unpackedDebianPackages } from './debian.ts';
import { readEnvironment } from './environment.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-debian-test's-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content, { mode });
}

test('packagesOf lists each package that apt-get would unpack once, without the C library', () => {
  const plan = [
    'Reading package lists...',
    'Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64]) []',
    'Inst libc6-i386 (2.36-10 Debian:12/stable [amd64])',
    'Inst libaio1 (0.3.113-4 Debian:12/stable [amd64])',
    'Inst mariadb-server-core (1:10.11 Debian:12/stable [amd64])',
    'Inst libaio1 (0.3.113-4 Debian:12/stable [amd64])',
    'Conf mariadb-common (1:10.11 Debian:12/stable [all])',
  ];
  expect(packagesOf(plan.join('\n'))).toEqual(['libaio1', 'mariadb-server-core']);
});

describe('an unpacked folder', () => {
  test('gives the paths of its library folders to LD_LIBRARY_PATH', async () => {
    for (const path of ['usr/lib/x86_64-linux-gnu/a.so', 'lib/x86_64-linux-gnu/b.so', 'usr/lib/jvm/c']) {
      write(path, '');
    }
    expect(await libraryPath(folder)).toBe(
      `${join(folder, 'usr/lib/x86_64-linux-gnu')}:${join(folder, 'lib/x86_64-linux-gnu')}`,
    );
  });

  test('gives the folder of libraries that have an absolute path on the machine to LD_LIBRARY_PATH', async () => {
    write('usr/lib/x86_64-linux-gnu/pulseaudio/libpulsecommon.so', '');
    write('usr/lib/x86_64-linux-gnu/dri/a.so', '');
    const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
    expect(await libraryPath(folder)).toBe(`${libraries}:${join(libraries, 'pulseaudio')}`);
  });

  test('gets launchers that set the variables that their program needs', async () => {
    write('usr/bin/show', '#!/bin/sh\necho "$THING"\n', 0o755);
    const launcher = await launcherOf(folder, 'usr/bin/show', { THING: "a thing's  name" });
    expect((await run(launcher, [])).stdout).toBe("a thing's  name\n");
  });

  test('gets launchers that hand arguments on and set LD_LIBRARY_PATH', async () => {
    write('usr/lib/x86_64-linux-gnu/a.so', '');
    write('usr/bin/say', '#!/bin/sh\necho "$LD_LIBRARY_PATH" "$#" "$2"\n', 0o755);
    const launcher = await launcherOf(folder, 'usr/bin/say');
    const { stdout } = await run(launcher, ['one', 'two  words']);
    expect(stdout).toBe(`${join(folder, 'usr/lib/x86_64-linux-gnu')} 2 two  words\n`);
    expect(await launcherOf(folder, 'usr/bin/say')).toBe(launcher);
  });

  // Only Debian and distributions based on it have dpkg-deb.
  test.skipIf(findProgram('dpkg-deb', process.env.PATH ?? '') === undefined)(
    'holds the files of its packages, with absolute links that lead to the same file inside',
    async () => {
      write(
        'made/DEBIAN/control',
        'Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n',
      );
      write('made/etc/thing/security', 'strict');
      mkdirSync(join(folder, 'made/usr/lib/thing/conf'), { recursive: true });
      symlinkSync('/etc/thing/security', join(folder, 'made/usr/lib/thing/conf/security'));
      symlinkSync('/etc/of-another-package', join(folder, 'made/usr/lib/thing/conf/elsewhere'));
      symlinkSync('conf/security', join(folder, 'made/usr/lib/thing/relative'));
      await run('dpkg-deb', ['--build', join(folder, 'made'), join(folder, 'thing.deb')]);
      rmSync(join(folder, 'made'), { recursive: true });

      await unpackAll(folder);
      expect(readdirSync(folder).sort()).toEqual(['etc', 'usr']);
      const inside = (path: string) => join(folder, 'usr/lib/thing', path);
      expect(readlinkSync(inside('conf/security'))).toBe('../../../../etc/thing/security');
      expect(readFileSync(inside('conf/security'), 'utf8')).toBe('strict');
      expect(readlinkSync(inside('conf/elsewhere'))).toBe('/etc/of-another-package');
      expect(readlinkSync(inside('relative'))).toBe('conf/security');
    },
  );
});

test('unpackedDebianPackages names the remedy on a machine without apt-get', async () => {
  const software = { name: 'Thing', packages: [['thing']], remedy: 'build a thing' };
  const unpacking = unpackedDebianPackages(software, readEnvironment({ PATH: folder }), () => {});
  await expect(unpacking).rejects.toMatchObject({
    message: 'there is no Thing on this machine, and without apt-get no package of it can be had',
    remedy: 'build a thing',
  });
});
