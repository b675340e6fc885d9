import { SCROLL_REGION } from './scroll-region.ts';
/** A value as indented JSON in a region of its own that scrolls. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label: string }) {
  return <TextView text={JSON.stringify(value, null, 2)} label={label} />;
}

/** A text as it is, in a region of its own that scrolls. */
export function TextView({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <section className="code-view code-text" aria-label={`${label}: the text`} {...SCROLL_REGION}>
      <pre>{text}</pre>
    </section>
  );
}
