import type { View } from '../../../../core/domain.ts';
import { TributaryError } from '../../../../core/errors.ts';
import { isTablePrefix, PREFIX_FORM, type StoreNaming } from '../../../../core/table-names.ts';
import { nameFault } from '../../../../core/view-names.ts';
import { orders } from '../../../../orders/index.ts';
import { list, SettingFault, text } from '../kinds.ts';

const { table } = orders.view;

/** The settings that name the tables of order-sync in its database. */
export const TABLE_SETTINGS = {
  table: text({
    env: 'ORDER_SYNC_TABLE',
    flag: 'table',
    defaultText: table,
    check: checkTable,
    help: 'The name of the table of orders. It stays as it was at the first start.',
  }),
  columns: list({
    env: 'ORDER_SYNC_COLUMNS',
    flag: 'columns',
    default: [],
    defaultText: 'not set',
    check: (item) => void columnFrom(item),
    help: 'Other names for columns of that table, as in order_id=id,order_status=state. APIs and bodies keep the first names.',
  }),
  tablePrefix: text({
    env: 'ORDER_SYNC_TABLE_PREFIX',
    flag: 'table-prefix',
    check: checkPrefix,
    help: 'Stands in front of the names of all other tables, so that several order-syncs with different work share a database.',
  }),
};

export interface TableValues {
  readonly table?: string | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly tablePrefix?: string | undefined;
}

/** Says which names belong to no column of the view, as sentences. */
export function columnFaults(
  { columns = [] }: TableValues,
  view: Pick<View<never>, 'keyColumn' | 'columns'>,
): string[] {
  const known = [view.keyColumn, ...view.columns.map(({ name }) => name)];
  const strange = columns.some((item) => !known.includes(columnFrom(item)[0]));
  return strange
    ? [
        `ORDER_SYNC_COLUMNS is "${columns.join(',')}": give column=name, several between commas, where the columns are ${known.join(', ')}.`,
      ]
    : [];
}

/** The names for the store. Throws `setting_invalid` if a column is named twice. */
export function namingOf(values: TableValues): StoreNaming {
  const viewColumns = new Map<string, string>();
  for (const item of values.columns ?? []) {
    const [ours, theirs] = columnFrom(item);
    if (viewColumns.has(ours))
      throw new TributaryError(
        'setting_invalid',
        `ORDER_SYNC_COLUMNS names the column ${ours} twice: keep one name.`,
      );
    viewColumns.set(ours, theirs);
  }
  return { tablePrefix: values.tablePrefix, viewTable: values.table, viewColumns };
}

function columnFrom(item: string): readonly [ours: string, theirs: string] {
  const equals = item.indexOf('=');
  const [ours, theirs] = [item.slice(0, Math.max(0, equals)).trim(), item.slice(equals + 1).trim()];
  if (ours === '') throw new SettingFault('give column=name, several between commas, as in order_id=id');
  const fault = nameFault(theirs, 'column');
  if (fault !== null) throw new SettingFault(`give ${ours} another name: ${JSON.stringify(theirs)} ${fault}`);
  return [ours, theirs];
}

function checkTable(given: string): void {
  const fault = nameFault(given, 'table');
  if (fault !== null) throw new SettingFault(`give another name: this one ${fault}`);
}

function checkPrefix(given: string): void {
  if (!isTablePrefix(given)) throw new SettingFault(`give ${PREFIX_FORM}, as in eu_`);
}
