// Finds a Chromium for tests that look at pages: the one that TEST_CHROMIUM names, else the machine's, else a private copy
// of the distribution's package.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChromiumAddress } from './addresses.ts';
import { exists, makeOnce } from './cache.ts';
import { run } from './commands.ts';
import { launcherOf, unpackedDebianPackages } from './debian.ts';
import { findOfMachine, type ServicesEnvironment } from './environment.ts';
import { messageOf, ServiceUnavailableError } from './errors.ts';
import type { Progress, Started } from './start.ts';

const versionTimeoutMs = 30_000;
const programNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const remedy =
  'apt-get install chromium (or your system’s package), or set TEST_CHROMIUM to the path of a Chromium or Chrome';
/** Where Debian's package has the program itself. */
const programOfPackage = 'usr/lib/chromium/chromium';

/** Rejects with a ServiceUnavailableError if there is no Chromium, and none can be had. */
export async function findChromium(
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<ChromiumAddress>> {
  if (environment.chromium !== undefined) {
    const version = await versionOf(environment.chromium).catch((error: unknown) => {
      throw new ServiceUnavailableError(
        `the program in TEST_CHROMIUM does not tell its version: ${messageOf(error)}`,
        'set TEST_CHROMIUM to the path of a Chromium or Chrome, or unset it',
      );
    });
    return started(environment.chromium, 'environment', `${version} (TEST_CHROMIUM)`);
  }
  for (const name of programNames) {
    const path = findOfMachine(name, environment);
    // Some distributions have a script of this name that only asks for an installation.
    const version = path === undefined ? undefined : await versionOf(path).catch(() => undefined);
    if (path !== undefined && version !== undefined) return started(path, 'system', `${version} (${path})`);
  }
  const path = await privateChromium(environment, progress);
  return started(path, 'private', `${await versionOf(path)} (private)`);
}

function started(
  path: string,
  origin: ChromiumAddress['origin'],
  description: string,
): Started<ChromiumAddress> {
  return { address: { name: 'chromium', path, origin, description }, stop: async () => {} };
}

/** Returns the name and the version, such as `Chromium 156.0.8078.108`. */
async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version'], { timeoutMs: versionTimeoutMs });
  const version = /(?:Chromium|Chrome)\S* [\d.]+/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`${path} --version printed "${stdout.trim()}"`);
  return version;
}

async function privateChromium(environment: ServicesEnvironment, progress: Progress): Promise<string> {
  // The fonts are named, because a package that the machine has installed is not among the dependencies.
  const packages = [['chromium', 'fonts-dejavu-core']];
  const folder = await unpackedDebianPackages({ name: 'Chromium', packages, remedy }, environment, progress);
  if (!(await exists(join(folder, programOfPackage)))) {
    throw new ServiceUnavailableError(
      `there is no Chromium on this machine, and the distribution's package does not hold the program`,
      remedy,
    );
  }
  const fonts = join(folder, 'fonts.conf');
  await makeOnce(fonts, async (temporaryPath) => {
    await writeFile(temporaryPath, fontSettings(folder));
    await chmod(temporaryPath, 0o644);
  });
  return launcherOf(folder, programOfPackage, { FONTCONFIG_FILE: fonts });
}

/**
 * The fonts of the folder and of the machine. Without settings Fontconfig finds no font, and Chromium then draws no text.
 * See https://fontconfig.pages.freedesktop.org/fontconfig/fontconfig-user.html.
 */
export function fontSettings(folder: string): string {
  const alias = (family: string, font: string) =>
    `  <alias binding="same"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">',
    '<fontconfig>',
    `  <dir>${escaped(join(folder, 'usr/share/fonts'))}</dir>`,
    '  <dir>/usr/share/fonts</dir>',
    `  <cachedir>${escaped(join(folder, 'font-cache'))}</cachedir>`,
    alias('sans-serif', 'DejaVu Sans'),
    alias('serif', 'DejaVu Serif'),
    alias('monospace', 'DejaVu Sans Mono'),
    '</fontconfig>',
    '',
  ].join('\n');
}

function escaped(path: string): string {
  return path.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
