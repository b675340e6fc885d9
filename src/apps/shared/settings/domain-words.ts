import { SYNCED_ORDERS, type Synced } from './synced.ts';

/**
 * The text in the words of the domain. Help and descriptions are written for orders, and in them "order" is always the
 * purchase, so each "order" becomes the domain's noun. The names of our programs, settings and columns stay.
 */
export function inWordsOf({ domain, plural }: Synced, text: string): string {
  if (domain === SYNCED_ORDERS.domain) return text;
  const noun = domain.noun ?? 'entity';
  const several = plural.replaceAll('-', ' ');
  return text
    .replaceAll(
      /\b([Aa])n order\b(?![-_])/g,
      (_, a: string) => `${/^[aeiou]/.test(noun) ? `${a}n` : a} ${noun}`,
    )
    .replaceAll(/\border123\b/g, 'ID')
    .replaceAll(/(?<![-_/."{])\b(O|o)rders\b(?![-_]|\.\w)/g, (_, o: string) => cased(o, several))
    .replaceAll(/(?<![-_/."{])\b(O|o)rder\b(?![-_:]|\.\w)/g, (_, o: string) => cased(o, noun));
}

function cased(first: string, word: string): string {
  return first === 'O' ? `${word.charAt(0).toUpperCase()}${word.slice(1)}` : word;
}

/** An example of a command line, as somebody types it who starts the program by `invocation`. */
export function exampleFor(synced: Synced, invocation: string, line: string): string {
  if (synced.domain === SYNCED_ORDERS.domain) return line;
  return line
    .replaceAll(/\border-sync orders\b/g, `order-sync ${synced.plural}`)
    .replaceAll(/\border-sync\b/g, invocation)
    .replaceAll(/\border-mgt\b/g, synced.target)
    .replaceAll(/\border123\b/g, 'ID')
    .replaceAll(/\border124\b/g, 'ID2');
}
