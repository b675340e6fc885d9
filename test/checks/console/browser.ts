/** Starts Chromium, and opens pages as a person has them: 1280 pixels wide, with the light theme. */
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import type { RunningCheck } from '../lib/command.ts';
import { Watch } from './watch.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Containers have little shared memory.
  '--disable-dev-shm-usage',
];
const ACTION_TIMEOUT_MS = 15_000;

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** The browser is closed at the end of the check. */
export async function startBrowser(check: RunningCheck, path: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: path, args: FLAGS, headless: true });
  check.defer(() => browser.close());
  return browser;
}

export interface Watched {
  readonly context: BrowserContext;
  readonly watch: Watch;
}

/** A browser session with nothing stored, whose pages are watched and can be judged by axe. */
export async function newSession(browser: Browser, url: string): Promise<Watched> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: WIDE,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    deviceScaleFactor: 1,
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const watch = await Watch.of(context, url);
  // The policy of the pages lets no other script in, so the browser itself brings it.
  await context.addInitScript({ path: AXE });
  return { context, watch };
}
