import { entityWords } from '../../../core/entity-words.ts';
import { SYNCED_ORDERS, type Synced } from './synced.ts';

/**
 * The text in the words of the domain. Help and descriptions are written for orders, and in them "order" is always the
 * purchase, so each "order" becomes the domain's noun. The names of our programs, settings and columns stay.
 */
export function inWordsOf({ domain, plural, target, invocation }: Synced, text: string): string {
  if (domain === SYNCED_ORDERS.domain) return text;
  const noun = domain.noun ?? 'entity';
  const several = plural.replaceAll('-', ' ');
  return namesOf({ domain, target, invocation }, text)
    .replaceAll(
      /\b([Aa])n order\b(?![-_])/g,
      (_, a: string) => `${/^[aeiou]/.test(noun) ? `${a}n` : a} ${noun}`,
    )
    .replaceAll(/\border123\b/g, 'ID')
    .replaceAll(/(?<![-_/."{])\b(O|o)rders\b(?![-_]|\.\w)/g, (_, o: string) => cased(o, several))
    .replaceAll(/(?<![-_/."{])\b(O|o)rder\b(?![-_:]|\.\w)/g, (_, o: string) => cased(o, noun));
}

/** The text with the commands, the target, the first topic and the first columns of the domain in place of those of orders. */
function namesOf(
  { domain, target, invocation }: Pick<Synced, 'domain' | 'target' | 'invocation'>,
  text: string,
): string {
  const { keyColumn, columns } = domain.view;
  const column = columns[0]?.name ?? keyColumn;
  return text
    .replaceAll(NAMED_COMMAND, `${invocation} `)
    .replaceAll(/\border-mgt\b/g, target)
    .replaceAll(/\border_events\b/g, firstTopicOf(domain))
    .replaceAll(
      'order_id=id,order_status=state',
      `${keyColumn}=id${columns.length === 0 ? '' : `,${column}=other`}`,
    )
    .replaceAll('{order_id}', `{${keyColumn}}`);
}

function firstTopicOf({ eventTypes }: Synced['domain']): string {
  return Object.values(eventTypes)[0]?.topic ?? 'events';
}

/** An event of the domain, as far as its names are known: its own fields are left out. */
function sampleEventOf({ eventTypes }: Synced['domain']): string {
  const [type = 'TYPE', found] = Object.entries(eventTypes)[0] ?? [];
  return JSON.stringify({ eventType: type, [found?.entityIdField ?? 'id']: 'ID', '...': '...' });
}

function cased(first: string, word: string): string {
  return first === 'O' ? `${word.charAt(0).toUpperCase()}${word.slice(1)}` : word;
}

/** An example of a command line, as somebody types it who starts the program by `invocation`. */
export function exampleFor(synced: Synced, invocation: string, line: string): string {
  if (synced.domain === SYNCED_ORDERS.domain) return line;
  return line
    .replaceAll(/'\{"eventType":"ORDER".*?\}'/g, () => `'${sampleEventOf(synced.domain)}'`)
    .replaceAll(/\border_events\b/g, firstTopicOf(synced.domain))
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
