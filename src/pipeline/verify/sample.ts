import type { Store } from '../../ports/store.ts';

/** This many entities that stand side by side are taken from one random place. */
export const SAMPLE_RUN = 20;
/** An id has at most 255 characters, and each step of the walk adds one. */
const DEPTH_MAX = 255;
/** No id with this character is left out but those that have it where the walk skips to the next one. */
const LAST_CHARACTER = '\u{10ffff}';

/**
 * Chooses a random place among the ids, and gives the ids from there on, 20 at most. It reads some keys of an index for each
 * character of the ids, and never counts or scans them.
 *
 * It walks down the ids character by character, and takes each of the characters that come next with the same chance. So ids
 * that share their beginning with few others are taken more often than those in crowded parts. Ids of equal length whose
 * characters are spread evenly, such as UUIDs and padded numbers, have nearly the same chance.
 */
export async function sampleRun(
  store: Pick<Store, 'listEntities'>,
  random: () => number,
): Promise<{ readonly after: string | null; readonly ids: readonly string[] }> {
  let prefix = '';
  let after: string | null = null;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const children = await childrenOf(store, prefix, after);
    const chosen = children[Math.floor(random() * children.length)];
    if (chosen === undefined) break;
    prefix = chosen.prefix;
    after = chosen.after;
    if (chosen.isSmall) break;
  }
  return { after, ids: await store.listEntities({ after, limit: SAMPLE_RUN }) };
}

interface Child {
  readonly prefix: string;
  /** The id behind which the ids with this prefix begin. */
  readonly after: string | null;
  /** Whether few ids have this prefix. */
  readonly isSmall: boolean;
}

/** The prefixes with one more character that ids with this prefix have. */
async function childrenOf(
  store: Pick<Store, 'listEntities'>,
  prefix: string,
  begin: string | null,
): Promise<Child[]> {
  const children: Child[] = [];
  for (let after = begin; ; ) {
    const ids: string[] = await store.listEntities({ after, limit: SAMPLE_RUN });
    const [first] = ids;
    if (first === undefined || !first.startsWith(prefix)) return children;
    const next = String.fromCodePoint(first.codePointAt(prefix.length) ?? 0);
    if (first === prefix) {
      // The prefix itself is an id. It is no place to go down to, so it is taken with the ids behind it.
      children.push({ prefix, after, isSmall: true });
      after = first;
      continue;
    }
    const child = prefix + next;
    if (children.at(-1)?.prefix === child) return children;
    const isSmall = ids.length < SAMPLE_RUN || !(ids.at(-1) as string).startsWith(child);
    children.push({ prefix: child, after, isSmall });
    after = child + LAST_CHARACTER;
  }
}
