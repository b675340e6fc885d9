import { type ReactNode, useId } from 'react';

interface CardProps {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly id?: string;
}

/** A part of a page under a heading of its own. */
export function Card({ title, actions, children, id }: CardProps) {
  const heading = useId();
  return (
    <section className="card" aria-labelledby={heading} id={id}>
      <div className="card-head">
        <h2 id={heading}>{title}</h2>
        {actions === undefined ? null : <div className="card-actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
