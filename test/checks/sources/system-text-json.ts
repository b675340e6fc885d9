import { type Fact, objectOf, statusField, timeWith, withoutTrailingZeros } from './facts.ts';

/** Characters of ASCII that the default encoder of System.Text.Json escapes although JSON need not. */
const ESCAPED = new Set(['"', '&', "'", '+', '<', '>', '`', '\x7f']);
const SHORT: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A text as `JavaScriptEncoder.Default` writes it: each UTF-16 unit outside of ASCII and each of the above as `\uXXXX`. */
export function systemTextJsonText(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charAt(index));
  const written = units.map((unit) => {
    if (SHORT[unit] !== undefined) return SHORT[unit];
    if (unit >= ' ' && unit < '\x7f' && !ESCAPED.has(unit)) return unit;
    return `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
  return `"${written.join('')}"`;
}

/**
 * An event as System.Text.Json writes it with names in camel case (`JsonSerializerDefaults.Web`) and enumerations as texts
 * (`JsonStringEnumConverter`). A DateTimeOffset has up to 7 digits behind the second, and its offset even in UTC.
 */
export function systemTextJson(fact: Fact): string {
  const at = withoutTrailingZeros(timeWith(fact.at, '4567')).replace('Z', '+00:00');
  return objectOf({
    eventType: systemTextJsonText(fact.type),
    orderId: systemTextJsonText(fact.orderId),
    orderStatus: 'null',
    paymentStatus: 'null',
    [statusField(fact)]: systemTextJsonText(fact.status),
    timestamp: systemTextJsonText(at).replaceAll('\\u002B', '+'),
    revision: String(fact.revision),
    eventId: fact.eventId === null ? 'null' : systemTextJsonText(fact.eventId),
    amount: '10.50',
    rate: '1E+21',
    note: systemTextJsonText("<caf\u00e9 & 'bar'> + \u{1f6d2}"),
    receipt: '"AQL/"',
  });
}
