/** Judges how a page looks: by axe in both themes, on a narrow screen, and by its colours. Takes pictures of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { NARROW, WIDE } from './browser.ts';
import type { Judge } from './judge.ts';
import { smallPng } from './png.ts';

/** What the functions that run in the page use of it. */
declare const document: {
  readonly body: { readonly textContent: string };
  readonly documentElement: { readonly scrollWidth: number };
};
interface Region {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  getAttribute(name: string): string | null;
}
declare function getComputedStyle(element: object): {
  readonly backgroundColor: string;
  readonly color: string;
};
declare const innerWidth: number;
declare function scrollTo(x: number, y: number): void;
declare const axe: {
  run(context: object): Promise<{
    readonly violations: readonly {
      readonly id: string;
      readonly help: string;
      readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
    }[];
  }>;
};

/**
 * `whole`: axe in the light, in the dark and on a narrow screen. `themes`: in the light and in the dark, because a narrow page
 * has the same parts. `none`: another place shows the same pages.
 */
export type Depth = 'whole' | 'themes' | 'none';

export interface Looks {
  readonly judge: Judge;
  readonly depth: Depth;
  /** The folder for pictures; null for none. */
  readonly pictures: string | null;
  axeViolations: number;
  /** The names of the pages that were judged. */
  readonly pages: Set<string>;
}

/** One picture shows what the dark theme looks like. */
const DARK_PICTURE = 'home';

/** The page stays open, with the light theme and 1280 pixels wide. */
export async function look(looks: Looks, page: Page, name: string): Promise<void> {
  const { judge, depth } = looks;
  if (depth === 'none') return;
  looks.pages.add(name);
  await page.evaluate(() => scrollTo(0, 0));
  judge.same(`${name} shows no value that a program left by mistake`, await mistakes(page), []);
  judge.same(`${name} shows all columns of its tables on 1280 pixels`, await cutTables(page), []);
  await judgeByAxe(looks, page, `${name}, light`);
  await picture(looks, page, name);
  const light = await colours(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await colours(page);
  judge.same(
    `${name} has other colours in the dark`,
    {
      ground: light.ground !== dark.ground,
      text: light.text !== dark.text,
      isDark: brightness(dark.ground) < 90,
    },
    { ground: true, text: true, isDark: true },
  );
  await judgeByAxe(looks, page, `${name}, dark`);
  if (name === DARK_PICTURE) await picture(looks, page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(NARROW);
  await judge.soon(`${name} needs no sideways scrolling on 390 pixels`, () => sideways(page), 0);
  if (depth === 'whole') await judgeByAxe(looks, page, `${name}, 390 pixels`);
  await picture(looks, page, `${name}-390`);
  await page.setViewportSize(WIDE);
}

async function judgeByAxe(looks: Looks, page: Page, name: string): Promise<void> {
  const violations = await page.evaluate(async () => {
    const { violations } = await axe.run(document);
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`),
    }));
  });
  looks.axeViolations += violations.length;
  looks.judge.same(`axe finds nothing on ${name}`, violations, []);
}

/** Texts that are no words for people. */
async function mistakes(page: Page): Promise<string[]> {
  const text = await page.evaluate(() => document.body.textContent);
  return text.match(/.{0,20}(?:\bNaN\b|\bundefined\b|\bInfinity\b|\[object ).{0,20}/g) ?? [];
}

function colours(page: Page): Promise<{ ground: string; text: string }> {
  return page.evaluate(() => {
    const { backgroundColor, color } = getComputedStyle(document.documentElement);
    return { ground: backgroundColor, text: color };
  });
}

/** The mean of red, green and blue, from 0 to 255. */
function brightness(colour: string): number {
  const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  return parts.reduce((sum, part) => sum + part, 0) / parts.length;
}

/** The pixels by which the page is wider than the screen. */
function sideways(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}

/** The names of the regions that must be scrolled sideways to see all columns. */
function cutTables(page: Page): Promise<string[]> {
  return page
    .getByRole('region', { name: /: the rows$/ })
    .evaluateAll((regions: readonly Region[]) =>
      regions
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map((region) => region.getAttribute('aria-label') ?? ''),
    );
}

async function picture({ pictures }: Looks, page: Page, name: string): Promise<void> {
  if (pictures === null) return;
  mkdirSync(pictures, { recursive: true });
  const png = await page.screenshot({ animations: 'disabled' });
  writeFileSync(join(pictures, `${name}.png`), smallPng(png));
}
