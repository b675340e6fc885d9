import type { Tree, Violation } from './tree.ts';

const PAGE = 'docs/testing.md';
/** The invariants of the contract. */
const INVARIANTS = Array.from({ length: 12 }, (_, index) => `I${index + 1}`);

/** Finds invariants without a row in the table of `docs/testing.md`, and rows that name no test or a mistake that is not planted. */
export function unprovenInvariants(tree: Tree): Violation[] {
  const rows = rowsOf(tree.get(PAGE) ?? '');
  const missing = INVARIANTS.filter((name) => !rows.has(name)).map(
    (name) =>
      `${PAGE} has no row for ${name}: name the test that can fail and the planted mistake that proves it`,
  );
  const faults = [...rows].flatMap(([name, row]) => {
    const named = [...row.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '');
    const tests = named.filter((text) => text.startsWith('test/'));
    const mistakes = named.filter((text) => /^[a-z0-9]+(?:-[a-z0-9]+)+$/.test(text));
    return [
      ...tests.filter((path) => !tree.has(path)).map((path) => `${path}, which does not exist`),
      ...mistakes
        .filter((mistake) => !tree.has(`test/simulation/mutants/${mistake}.patch`))
        .map((mistake) => `${mistake}, which is not planted`),
      ...(tests.length === 0 ? ['no test'] : []),
      ...(mistakes.length === 0 ? ['no planted mistake'] : []),
    ].map((fault) => `${PAGE}: the row of ${name} names ${fault}`);
  });
  return [...missing, ...faults];
}

/** The rows of the table, by invariant. */
function rowsOf(page: string): Map<string, string> {
  const rows = [...page.matchAll(/^\| (I\d+)\b.*$/gm)];
  return new Map(rows.map(([row, name = '']) => [name, row]));
}
