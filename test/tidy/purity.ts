import { sourcesOf } from './imports.ts';
import { type Tree, type Violation, withoutComments } from './tree.ts';

/** Matches every way in which a program can read its environment, and the call of the one function that reads it for the mains. */
const ENVIRONMENT =
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[\s*['"]env|\benv\b[^=;{}]*\}\s*=\s*process\b|['"](?:node:)?process['"]|\bprocessHost\s*\(/;

/** The mains of the apps, `runSync`, which is one, and the function that reads the environment for them. */
const READERS = /^src\/apps\/(?:[\w-]+\/main|order-sync\/run-sync|shared\/cli\/process-host)\.ts$/;

/** Checks that only the mains read the environment. All other code gets its settings as arguments. */
export function environmentReaders(tree: Tree): Violation[] {
  return sourcesOf(tree)
    .filter(([path]) => !READERS.test(path))
    .filter(([, source]) => ENVIRONMENT.test(withoutComments(source)))
    .map(
      ([path]) => `${path} reads the environment: let src/apps/*/main.ts read it, and hand the settings on`,
    );
}

/** Sources of time and randomness that a seeded clock cannot control. */
const UNSEEDED: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date() without a moment', /\bnew\s+Date\s*(?:\(\s*\)|(?![\w(\s]))/],
  ['Date() without new', /(?<!\bnew\s)(?<![\w.])Date\s*\(\s*\)/],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['performance.now', /\bperformance\s*\.\s*(?:now|timeOrigin)\b/],
  ['process.hrtime', /\bprocess\s*\.\s*(?:hrtime|uptime)\b/],
  ['a timer', /\b(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\s*\.\s*timeout\b/],
  ['randomUUID or randomBytes', /\b(?:randomUUID|randomBytes|getRandomValues)\b/],
];

/** Checks that core, ports, pipeline and orders take time and randomness only from the port Clock. */
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
