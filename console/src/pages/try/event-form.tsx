import { type FormEvent, useId, useState } from 'react';
import { useMayOperate } from '../../api/access.ts';
import type { EventSchema } from '../../api/types.ts';
import { NEEDS_OPERATE } from '../../parts/confirm-dialog.tsx';
import { CopyCurl } from '../../parts/copy-button.tsx';
import { Loading } from '../../parts/empty-state.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Choice } from '../../parts/filters.tsx';
import { TextView } from '../../parts/json-view.tsx';
import { bodyOf, type FormField, fieldsOf } from './form-fields.ts';
import { newOrderId, type ScenarioStep } from './scenarios.ts';
import { useEventSchemas } from './use-event-schemas.ts';

interface Props {
  readonly run: (steps: readonly ScenarioStep[]) => Promise<void>;
}

/** A form for one event, made of the schema of its type. */
export function EventForm({ run }: Props) {
  const { data: schemas, error } = useEventSchemas();
  const [chosen, setChosen] = useState<string | null>(null);
  if (error !== null) return <ErrorNote error={error} />;
  if (schemas === undefined) return <Loading what="the schemas of the events" />;
  const schema = schemas.find(({ eventType }) => eventType === chosen) ?? schemas[0];
  if (schema === undefined) return <p className="faint">The domain has no event types.</p>;
  return (
    <>
      <div className="filters">
        <Choice
          label="Type of the event"
          value={schema.eventType}
          options={schemas.map(({ eventType, topic }) => [eventType, `${eventType}, on ${topic}`] as const)}
          onChange={setChosen}
        />
      </div>
      <Fields key={schema.eventType} schema={schema} run={run} />
    </>
  );
}

function Fields({ schema, run }: Props & { readonly schema: EventSchema }) {
  const mayOperate = useMayOperate();
  const [isBusy, setBusy] = useState(false);
  const [eventId, setEventId] = useState('');
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [fields] = useState(() => {
    const nowMs = Date.now();
    return fieldsOf(schema.schema, { nowMs, orderId: newOrderId(nowMs, Math.random()) });
  });
  const body = bodyOf(fields, values);
  const event = { eventType: schema.eventType, body, ...(eventId === '' ? {} : { eventId }) };
  const send = async (submitted: FormEvent) => {
    submitted.preventDefault();
    setBusy(true);
    await run([{ words: schema.eventType, event }]);
    setBusy(false);
  };
  return (
    <form onSubmit={(submitted) => void send(submitted)}>
      <div className="event-fields">
        {fields
          .filter(({ constant }) => constant === null)
          .map((field) => (
            <Field
              key={field.name}
              field={field}
              value={values[field.name] ?? field.example}
              onChange={(value) => setValues({ ...values, [field.name]: value })}
            />
          ))}
        <Field
          field={{
            name: 'event id',
            isRequired: false,
            options: [],
            constant: null,
            kind: 'text',
            example: '',
          }}
          value={eventId}
          onChange={setEventId}
        />
      </div>
      <h3>Body</h3>
      <TextView text={JSON.stringify(body, null, 2)} label="Body of the event" />
      <div className="row-actions event-send">
        <button
          type="submit"
          className="primary"
          disabled={!mayOperate || isBusy}
          title={mayOperate ? undefined : NEEDS_OPERATE}
        >
          {isBusy ? 'Sending…' : 'Send the event'}
        </button>
        <CopyCurl path="/api/v1/try" body={{ events: [event] }} />
      </div>
    </form>
  );
}

function Field({
  field,
  value,
  onChange,
}: {
  readonly field: FormField;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  const { name, isRequired, options, kind } = field;
  return (
    <div className="field">
      <label htmlFor={id}>
        {name}
        {isRequired ? '' : ' (optional)'}
      </label>
      {options.length > 0 ? (
        <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          value={value}
          required={isRequired}
          inputMode={kind === 'integer' ? 'numeric' : undefined}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </div>
  );
}
