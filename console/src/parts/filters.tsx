import { type FormEvent, type ReactNode, useEffect, useId, useState } from 'react';

/** A labelled choice of one value. The value '' stands for all. */
export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  const isKnown = options.some(([known]) => known === value);
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {isKnown ? null : <option value={value}>{value}</option>}
        {options.map(([known, words]) => (
          <option key={known} value={known}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A text that counts when it is sent, by Enter or by leaving the field. */
export function TextFilter({
  label,
  value,
  placeholder,
  type = 'text',
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly type?: 'text' | 'search';
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (draft.trim() !== value) onChange(draft.trim());
  };
  return (
    <form className="filter" onSubmit={send}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={draft}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => send()}
      />
    </form>
  );
}

/** A filter that is on or off. */
export function Toggle({
  label,
  isOn,
  title,
  onChange,
}: {
  readonly label: string;
  readonly isOn: boolean;
  readonly title?: string;
  readonly onChange: (isOn: boolean) => void;
}) {
  return (
    <button type="button" className="chip" aria-pressed={isOn} title={title} onClick={() => onChange(!isOn)}>
      {label}
    </button>
  );
}

/** The row of a page's filters. `onClear` takes all away; without filters there is nothing to clear. */
export function Filters({
  label,
  isActive,
  onClear,
  children,
}: {
  readonly label: string;
  readonly isActive: boolean;
  readonly onClear: () => void;
  readonly children: ReactNode;
}) {
  return (
    <search className="filters" aria-label={label}>
      {children}
      {isActive ? (
        <button type="button" className="quiet" onClick={onClear}>
          Clear filters
        </button>
      ) : null}
    </search>
  );
}
