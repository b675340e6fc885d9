import { quoted } from '../../core/text.ts';
import type { Fit } from '../../pipeline/inspect/fit.ts';
import type { RecordForm } from '../../pipeline/inspect/forms.ts';
import type { Sample } from '../../pipeline/inspect/sample.ts';
import type { Refused, Verdicts } from '../../pipeline/inspect/verdicts.ts';
import { orderSourcesOf, type SourceSettings, sourceVariables } from '../shared/settings/known/source.ts';

/** What a look at a topic has found. */
export interface Inspection {
  readonly sample: Sample;
  /** Whether the settings of now name the topic. */
  readonly isRead: boolean;
  readonly forms: readonly RecordForm[];
  /** The verdicts under the settings of now. */
  readonly now: Verdicts;
  /** The verdicts under the settings that fit. */
  readonly fit: Verdicts;
  /** The settings that fit, by their variables. Empty if the defaults do, or if none do. */
  readonly settings: Readonly<Record<string, string>>;
  /** If none fit, those under which the records come nearest to events. Empty if those are the defaults. */
  readonly nearest: Readonly<Record<string, string>>;
  /** What a person has to look at before setting them, one sentence for each. */
  readonly doubts: readonly string[];
  /** The settings of now for this topic, by their variables. */
  readonly given: Readonly<Record<string, string>>;
}

/** Events of a type that has less than this share of a topic are mistakes of their producer. */
const TYPE_SHARE = 0.05;

interface Topics {
  readonly orderTopic: string;
  readonly paymentTopic: string;
}

/** The variables by which order-sync reads the topic with this fit. */
export function settingsThatFit(fit: Fit, topic: string, topics: Topics): Record<string, string> {
  const { accepted, types } = fit.verdicts;
  if (accepted === 0) return {};
  const carries = (type: string) => (types.get(type) ?? 0) >= accepted * TYPE_SHARE;
  const variables: Record<string, string> = {};
  for (const [name, type, configured] of [
    ['ORDER', 'ORDER', topics.orderTopic],
    ['PAYMENT', 'PAYMENT', topics.paymentTopic],
  ] as const) {
    if (!carries(type)) continue;
    if (configured !== topic) variables[`${name}_TOPIC`] = topic;
    Object.assign(variables, sourceVariables(name, fit.options));
  }
  return fit.acceptsMissingKeys ? { ...variables, ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' } : variables;
}

/** If no settings fit, the variables under which the records come nearest to events, for the topic of orders or of payments. */
export function nearestSettings(fit: Fit, topic: string, topics: Topics): Record<string, string> {
  if (fit.verdicts.accepted > 0) return {};
  return sourceVariables(topic === topics.paymentTopic ? 'PAYMENT' : 'ORDER', fit.options);
}

/** The variables by which the settings of now say what the records of the topic are. */
export function settingsInUse(
  settings: SourceSettings & Topics & { readonly acceptsMissingKeys: boolean },
  topic: string,
): Record<string, string> {
  const options = orderSourcesOf(settings)[topic] ?? {};
  return {
    ...(topic === settings.orderTopic ? sourceVariables('ORDER', options) : {}),
    ...(topic === settings.paymentTopic ? sourceVariables('PAYMENT', options) : {}),
    ...(settings.acceptsMissingKeys ? { ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' } : {}),
  };
}

/** The answer as JSON. */
export function inspectionJson(inspection: Inspection): object {
  const { sample, isRead, forms, now, fit, settings, nearest, doubts, given } = inspection;
  const { topic, partitions, offsets, records, problems } = sample;
  return {
    topic,
    partitions,
    offsets,
    sampled: records.length,
    problems,
    forms,
    now: { isRead, settings: given, ...verdictsJson(now) },
    fit: { settings, nearest, doubts, ...verdictsJson(fit) },
  };
}

function verdictsJson({ accepted, types, refused }: Verdicts): object {
  return { accepted, eventTypes: Object.fromEntries(types), refused };
}

/** The most lines of one list. */
const LINES_MAX = 10;

/** The answer as text. */
export function inspectionText(inspection: Inspection): string {
  const { sample, isRead, forms, now, fit, settings } = inspection;
  const { topic, partitions, offsets, records, problems } = sample;
  const lines = [
    `${quoted(topic).slice(1, -1)}: ${counted(partitions, 'partition')}, ${counted(Number(offsets), 'offset')}; ` +
      `looked at the newest ${counted(records.length, 'record')}`,
    ...problems.map((problem) => `not read: ${problem}`),
  ];
  if (records.length === 0) return [...lines, 'There is no record to look at.'].join('\n');
  lines.push('', 'The records are', ...listed(forms, ({ count, form }) => `${pad(count)}  ${form}`));
  const nobody = isRead ? '' : ' (which read no topic of this name)';
  lines.push('', `Under the settings of now${nobody}: ${outcome(now)}`, ...refusals(now, topic));
  const variables = Object.entries(settings);
  if (fit.accepted === 0) {
    lines.push('', 'No settings make events of them. docs/quarantine.md has the remedy for each reason.');
    lines.push(...nearestLines(inspection));
    if (isBehindSchemas(forms)) {
      lines.push(
        'Avro and Protobuf are read by their schemas: set SCHEMA_REGISTRY_URL or SCHEMA_FOLDER, and inspect again.',
      );
    }
  } else if (!isBetter(inspection)) {
    lines.push('', 'No other settings fit better.');
  } else {
    const wanted = variables.map(([name, value]) => `  ${name}=${value}`);
    const taken = Object.keys(inspection.given).filter((name) => !(name in settings));
    const unset = taken.map((name) => `  without ${name}`);
    lines.push(
      '',
      'Settings that fit:',
      ...wanted,
      ...unset,
      `With them: ${outcome(fit)}`,
      ...refusals(fit, topic),
      ...doubtLines(inspection),
    );
  }
  return lines.join('\n');
}

/** What is missing under the settings that come nearest. Nothing if those are the settings of now. */
function nearestLines({ sample: { topic }, isRead, fit, nearest, doubts, given }: Inspection): string[] {
  const variables = Object.entries(nearest);
  if (variables.every(([name, value]) => given[name] === value)) return doubtLines({ doubts });
  const kind = isRead ? '' : ' (for the topic of payments: PAYMENT_ in front)';
  return [
    `These come nearest${kind}:`,
    ...variables.map(([name, value]) => `  ${name}=${value}`),
    `With them: ${outcome(fit)}`,
    ...refusals(fit, topic),
    ...doubtLines({ doubts }),
  ];
}

function doubtLines({ doubts }: Pick<Inspection, 'doubts'>): string[] {
  return doubts.length === 0 ? [] : ['The records do not tell:', ...doubts.map((doubt) => `  ${doubt}`)];
}

/** Whether most records stand behind a schema registry's prefix and are no JSON. */
function isBehindSchemas([first]: readonly RecordForm[]): boolean {
  return first?.form.includes('probably Avro or Protobuf') === true;
}

/** Whether the settings that fit are others than those of now, and make no fewer events. */
function isBetter({ now, fit, settings, given, isRead }: Inspection): boolean {
  if (fit.accepted > now.accepted || !isRead) return true;
  const isGiven = Object.entries(settings).every(([name, value]) => given[name] === value);
  return fit.accepted === now.accepted && !isGiven;
}

function outcome({ accepted, types, refused }: Verdicts): string {
  const named = [...types].map(([type, count]) => `${count} ${type}`).join(', ');
  const count = refused.reduce((sum, each) => sum + each.count, 0);
  return `${counted(accepted, 'event')}${named === '' ? '' : ` (${named})`}, ${count} refused`;
}

function refusals({ refused }: Verdicts, topic: string): string[] {
  const place = ({ example }: Refused) => `${topic}/${example.partition} offset ${example.offset}`;
  return listed(
    refused,
    (each) => `${pad(each.count)}  ${each.reason}: ${each.detail} (as at ${place(each)})`,
  );
}

function listed<Item>(items: readonly Item[], lineOf: (item: Item) => string): string[] {
  const shown = items.slice(0, LINES_MAX).map(lineOf);
  return items.length > LINES_MAX ? [...shown, `      and ${items.length - LINES_MAX} more kinds`] : shown;
}

function pad(count: number): string {
  return String(count).padStart(6);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
