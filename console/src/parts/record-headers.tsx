interface Header {
  /** A name that is no UTF-8 comes as its bytes. */
  readonly name: unknown;
  readonly text: string | null;
  /** Null for a header without a value. */
  readonly base64: string | null;
}

/** The headers of a record in their sequence. A name may come twice. */
export function RecordHeaders({ headers }: { readonly headers: readonly Header[] | null }) {
  if (headers === null) return <p className="faint">They could not be read.</p>;
  if (headers.length === 0) return <p className="faint">It has no headers.</p>;
  return (
    <dl className="facts">
      {headers.map(({ name, text, base64 }, place) => {
        const key = `${place} ${nameText(name)}`;
        return (
          <HeaderRow
            key={key}
            name={nameText(name)}
            value={base64 === null ? 'no value' : (text ?? `base64 ${base64}`)}
          />
        );
      })}
    </dl>
  );
}

function HeaderRow({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt className="id">{name}</dt>
      <dd className="id">{value}</dd>
    </>
  );
}

function nameText(name: unknown): string {
  if (typeof name === 'string') return name;
  return `base64 ${(name as { readonly base64?: string }).base64 ?? ''}`;
}
