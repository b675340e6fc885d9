import type { Domain } from './domain.ts';

/** How sentences, answers and log lines name the entities of a domain. */
export interface EntityWords {
  /** One of them: `order`. */
  readonly noun: string;
  /** Several of them: `orders`. */
  readonly plural: string;
  /** The member of answers and log lines that holds an entity's id: `orderId`. */
  readonly idMember: string;
  /** The member of answers that lists or counts several of them: `orders`. */
  readonly listMember: string;
}

/** The words of a domain. One that says nothing has entities with an `entityId`. */
export function entityWords({
  noun = 'entity',
  idMember = 'entityId',
}: Pick<Domain<never, never>, 'noun' | 'idMember'>): EntityWords {
  return { noun, plural: pluralOf(noun), idMember, listMember: pluralOf(idMember.replace(/Id$/, '')) };
}

/** The plural of an English noun. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** The words for entities of which nothing is known. */
export const ANY_ENTITY: EntityWords = entityWords({});
