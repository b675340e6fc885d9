import { sourcesOf } from './imports.ts';
import { type Tree, type Violation, withoutComments } from './tree.ts';

/** How a program can get at its environment. */
const ENVIRONMENT =
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[\s*['"]env|\benv\b[^=;{}]*\}\s*=\s*process\b|['"](?:node:)?process['"]/;

/** Only the main of an app reads the environment; everything else is given its settings. */
export function environmentReaders(tree: Tree): Violation[] {
  return sourcesOf(tree)
    .filter(([path]) => !/^src\/apps\/[\w-]+\/main\.ts$/.test(path))
    .filter(([, source]) => ENVIRONMENT.test(withoutComments(source)))
    .map(([path]) => `${path} reads the environment: only src/apps/*/main.ts does, and hands settings on`);
}

/** Time and chance that a seeded clock could not drive. */
const UNSEEDED: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date() without a moment', /\bnew\s+Date\s*(?:\(\s*\)|(?![\w(\s]))/],
  ['Date() as a text', /(?<!\bnew\s)(?<![\w.])Date\s*\(\s*\)/],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['performance.now', /\bperformance\s*\.\s*(?:now|timeOrigin)\b/],
  ['process.hrtime', /\bprocess\s*\.\s*(?:hrtime|uptime)\b/],
  ['a timer', /\b(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\s*\.\s*timeout\b/],
  ['randomUUID or randomBytes', /\b(?:randomUUID|randomBytes|getRandomValues)\b/],
];

/** The pipeline and what it stands on get time and chance from the port Clock alone. */
export function unseededTime(tree: Tree): Violation[] {
  return sourcesOf(tree)
    .filter(([path]) => /^src\/(core|ports|pipeline|orders)\//.test(path))
    .flatMap(([path, source]) => {
      const code = withoutComments(source);
      return UNSEEDED.filter(([, pattern]) => pattern.test(code)).map(
        ([name]) => `${path} uses ${name}: take it from the port Clock`,
      );
    });
}
