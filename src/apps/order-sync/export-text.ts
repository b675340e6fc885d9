import type { View, ViewValue } from '../../core/domain.ts';
import type { FoundRow, RowsFound } from '../../pipeline/ask/list-rows.ts';
import { type AnsweredDomain, rowJson } from './ask-json.ts';

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface ExportedDomain extends AnsweredDomain {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
}

/** The orders as pieces of text, one for each page that has any, the CSV's header line before them. */
export async function* textsOf(
  domain: ExportedDomain,
  format: ExportFormat,
  first: readonly FoundRow[],
  pages: AsyncIterable<RowsFound>,
): AsyncGenerator<string> {
  const { view } = domain;
  const write = (rows: readonly FoundRow[]) =>
    rows
      .map((row) => (format === 'csv' ? csvLine(valuesOf(row)) : `${JSON.stringify(rowJson(domain, row))}\n`))
      .join('');
  const header =
    format === 'csv'
      ? csvLine([view.keyColumn, 'version', ...view.columns.map(({ name }) => name), 'waitsFor'])
      : '';
  const begin = header + write(first);
  if (begin !== '') yield begin;
  for await (const { rows } of pages) if (rows.length > 0) yield write(rows);
}

function valuesOf({ entityId, version, row, waitsFor }: FoundRow): readonly ViewValue[] {
  return [entityId, version, ...row, waitsFor];
}

/**
 * A line of CSV. Null is an empty field, and an empty text is `""`, so that the two can be told apart. Texts are as they are:
 * one that begins with =, +, - or @ is a formula to a spreadsheet. Source: RFC 4180.
 */
function csvLine(values: readonly ViewValue[]): string {
  return `${values.map(csvField).join(',')}\r\n`;
}

function csvField(value: ViewValue): string {
  if (value === null) return '';
  const text = String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
