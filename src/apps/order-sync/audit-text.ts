import { quoted } from '../../core/text.ts';
import type { AuditEntry } from '../../ports/audit.ts';

/** The longest text of a decision that is shown on a line. */
const SHOWN_CHARACTERS = 1_000;
/** The words for details whose names in the store are the engine's own. */
const WORDS: Readonly<Record<string, string>> = { errorPrefix: 'error' };
/** Details that hold others. Their names say nothing to a reader. */
const CONTAINERS = new Set(['parameters', 'filter', 'progress']);

/**
 * A decision as one line: when, what, by whom and why, then the details that have a value. `noun`: what the domain calls an
 * entity.
 */
export function auditLine(entry: AuditEntry, noun: string): string {
  const { action, subject, details, decidedBy, reason, decidedAtMs } = entry;
  const why = reason === '' ? 'without a reason' : `reason ${shown(reason)}`;
  return [
    new Date(decidedAtMs).toISOString(),
    action.replaceAll('_', ' '),
    shown(subject),
    `by ${shown(decidedBy)}`,
    why,
    ...detailsOf(details, noun),
  ].join('  ');
}

function detailsOf(details: object, noun: string): string[] {
  return Object.entries(details).flatMap(([name, value]: [string, unknown]) => detailOf(name, value, noun));
}

function detailOf(name: string, value: unknown, noun: string): string[] {
  // The subject names the part.
  if (name === 'part' || value === null || value === undefined || value === false) return [];
  const words = name === 'entityId' ? noun : (WORDS[name] ?? wordsOf(name));
  if (value === true) return [words.replace(/^is /, '')];
  if (typeof value === 'number' && name.endsWith('Ms'))
    return [`${words.replace(/ ms$/, '')} ${new Date(value).toISOString()}`];
  if (typeof value === 'number') return [`${words} ${value}`];
  if (typeof value === 'string') return value === '' ? [] : [`${words} ${plainOrQuoted(value)}`];
  if (Array.isArray(value)) return listOf(words, value, noun);
  const inner = detailsOf(value as object, noun);
  if (inner.length === 0 || CONTAINERS.has(name)) return inner;
  return [`${words}: ${inner.join(', ')}`];
}

function listOf(words: string, values: readonly unknown[], noun: string): string[] {
  if (values.length === 0) return [];
  const texts = values.map((value) =>
    typeof value === 'object' && value !== null
      ? detailsOf(value, noun).join(' ')
      : plainOrQuoted(String(value)),
  );
  const text = texts.join(', ');
  return [`${words} ${text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text}`];
}

/** `fromOffset` as `from offset`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A plain word needs no quotes. */
function plainOrQuoted(text: string): string {
  return /^[\w.:/-]{1,100}$/.test(text) ? text : shown(text);
}

function shown(text: string): string {
  return quoted(text, SHOWN_CHARACTERS);
}
