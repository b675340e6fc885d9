import { entityWords } from '../../../core/entity-words.ts';
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

/** The commands that messages tell people to use. */
const NAMED_COMMAND =
  /\border-sync (?=(?:status|explain|what-if|stuck|tail|partitions|resume|pause|unpause|holds|take-group|quarantine|migrate|parked|unpark|check-target|dead-letters|redrive|jobs|audit|reconcile|rebuild|verify|keys)\b)/g;

/**
 * A message with the commands and the settings of topics that it names as somebody uses them. Nothing else changes, since a
 * message may quote data.
 */
export function messageFor({ domain, plural }: Synced, invocation: string, message: string): string {
  if (domain === SYNCED_ORDERS.domain) return message;
  return message
    .replaceAll('ORDER_TOPIC and PAYMENT_TOPIC', 'TRIBUTARY_TOPICS')
    .replaceAll('order-sync orders', `${invocation} ${plural}`)
    .replaceAll(NAMED_COMMAND, `${invocation} `);
}

/**
 * A sentence of the program in the words of the domain, with its commands as somebody types them. What stands in double quotes may
 * be data, and keeps its words.
 */
export function sentenceFor(synced: Synced, sentence: string): string {
  if (synced.domain === SYNCED_ORDERS.domain) return sentence;
  return messageFor(synced, synced.invocation, sentence)
    .split(/("(?:[^"\\]|\\.)*")/)
    .map((part) => (part.startsWith('"') ? part : inWordsOf(synced, part)))
    .join('');
}

/** The words that the pages of the console take from their document. None for orders, for which the pages are written. */
export function wordsForPages(synced: Synced): Readonly<Record<string, string>> {
  if (synced.domain === SYNCED_ORDERS.domain) return {};
  const { noun } = entityWords(synced.domain);
  return { noun, plural: synced.plural.replaceAll('-', ' '), invocation: synced.invocation };
}
