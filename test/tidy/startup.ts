import { resolvePath, type Tree, type Violation, withoutComments } from './tree.ts';

/** A static import of values. Those of types alone are gone when the program runs. */
const VALUE_IMPORT =
  /^(?:import|export)\s+(?!type\b)(?!\{(?:\s*type\s[^,}]*,?)*\s*\}\s*from)[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm;

/** The one package that every command line needs at once. */
const AT_ONCE = 'commander';
/** Single files that reach no further than Node itself. */
const LIGHT_ADAPTERS: ReadonlySet<string> = new Set(['src/adapters/pem.ts', 'src/adapters/system-clock.ts']);

/**
 * Checks that a program loads neither an adapter nor a package until it knows which command it runs: `--help`, `--version` and
 * a mistyped word are answered at once. What only some commands need they import where they use it, by `await import(...)`.
 */
export function earlyImports(tree: Tree): Violation[] {
  const mains = [...tree.keys()].filter((path) => /^src\/apps\/[a-z-]+\/main\.ts$/.test(path));
  return mains.flatMap((main) => early(tree, main));
}

function early(tree: Tree, main: string): Violation[] {
  const by = new Map<string, string>([[main, '']]);
  const violations: Violation[] = [];
  for (const [path] of by) {
    for (const [, specifier = ''] of withoutComments(tree.get(path) ?? '').matchAll(VALUE_IMPORT)) {
      if (!specifier.startsWith('.')) {
        if (!specifier.startsWith('node:') && specifier !== AT_ONCE)
          violations.push(
            `${main} loads ${specifier} for every command, by ${path}: import it where it is used`,
          );
        continue;
      }
      const target = resolvePath(path, specifier);
      if (target === null || by.has(target)) continue;
      by.set(target, path);
      if (target.startsWith('src/adapters/') && !LIGHT_ADAPTERS.has(target))
        violations.push(`${main} loads ${target} for every command, by ${path}: import it where it is used`);
    }
  }
  return violations;
}
