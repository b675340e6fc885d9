/** What the server's domain calls its entities, and what starts its program on a command line. */
export interface DomainWords {
  readonly noun: string;
  readonly plural: string;
  readonly invocation: string;
}

const ORDERS: DomainWords = { noun: 'order', plural: 'orders', invocation: 'order-sync' };

/** The words that the server has written into the page. It writes none for orders. */
export function wordsIn({ noun, plural, invocation }: Dataset): DomainWords {
  if (noun === undefined || plural === undefined) return ORDERS;
  return { noun, plural, invocation: invocation ?? ORDERS.invocation };
}

type Dataset = Readonly<Record<string, string | undefined>>;

/** The page, outside of tests. */
const { document: page } = globalThis as {
  readonly document?: { readonly documentElement?: { readonly dataset?: Dataset } };
};

/** The words of this page. */
export const WORDS = wordsIn(page?.documentElement?.dataset ?? {});

/** Whether the server syncs orders, whose events and columns the pages know. */
export const isOfOrders = WORDS.noun === ORDERS.noun;

/** A text of a page, which is written for orders, in the words of this page. */
export function said(text: string, words: DomainWords = WORDS): string {
  if (words.noun === ORDERS.noun) return text;
  const { noun, plural, invocation } = words;
  return text
    .replaceAll(/\border-sync (?=[a-z]+$)/g, `${invocation} `)
    .replaceAll(/\b([Aa])n order\b/g, (_, a: string) => `${/^[aeiou]/.test(noun) ? `${a}n` : a} ${noun}`)
    .replaceAll(/(?<![-_])\b(o|O)rder(s?)\b(?![-_])/g, (_, first: string, s: string) =>
      cased(first, s === '' ? noun : plural),
    );
}

function cased(first: string, word: string): string {
  return first === 'O' ? `${word.charAt(0).toUpperCase()}${word.slice(1)}` : word;
}
