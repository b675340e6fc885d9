import { Choice, Filters, Toggle } from '../../parts/filters.tsx';
import { said } from '../../text/words.ts';
import { AGES, FLAGS, isFiltered, type OrderFilters, whereWith } from './filters.ts';
import { STATUS_COLUMNS } from './statuses.ts';

interface Props {
  readonly filters: OrderFilters;
  readonly onChange: (changes: Readonly<Record<string, string | readonly string[] | null>>) => void;
}

/** The filters of the list. Each of them stands in the address of the page. */
export function OrderFilterBar({ filters, onChange }: Props) {
  const { where, status, olderThan, flags } = filters;
  const clear = () =>
    onChange(
      Object.fromEntries(
        ['where', 'status', 'olderThan', ...FLAGS.map(({ name }) => name)].map((name) => [name, null]),
      ),
    );
  return (
    <Filters label={said('Filters of orders')} isActive={isFiltered(filters)} onClear={clear}>
      {STATUS_COLUMNS.map(({ column, words, values }) => (
        <Choice
          key={column}
          label={words}
          value={where[column] ?? ''}
          options={[['', 'any'], ...Object.entries(values), ['null', 'no value']]}
          onChange={(value) => onChange({ where: whereWith(where, column, value) })}
        />
      ))}
      <Choice
        label="Last event before"
        value={olderThan}
        options={AGES}
        onChange={(value) => onChange({ olderThan: value })}
      />
      <fieldset className="chips">
        <legend className="visually-hidden">{said('State of the order')}</legend>
        {FLAGS.map(({ name, words, title }) => (
          <Toggle
            key={name}
            label={words}
            title={said(title)}
            isOn={flags.has(name)}
            onChange={(isOn) => onChange({ [name]: isOn ? 'true' : null })}
          />
        ))}
        {status === '' ? null : (
          <Toggle label={`Any status is ${status}`} isOn onChange={() => onChange({ status: null })} />
        )}
        {Object.entries(where)
          .filter(([column]) => !STATUS_COLUMNS.some((known) => known.column === column))
          .map(([column, value]) => (
            <Toggle
              key={column}
              label={`${column} is ${value}`}
              isOn
              onChange={() => onChange({ where: whereWith(where, column, '') })}
            />
          ))}
      </fieldset>
    </Filters>
  );
}
