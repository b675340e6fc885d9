import { type ReactNode, useEffect, useRef } from 'react';

interface PageProps {
  readonly title: string;
  /** What stands in the title of the window, where the page's own title is too long for that. */
  readonly shortTitle?: string;
  readonly intro?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of each page: its one h1, which gets the focus after a navigation. */
export function Page({ title, shortTitle = title, intro, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${shortTitle} · Tributary`;
  }, [shortTitle]);
  useEffect(() => {
    if (isFirstPage) isFirstPage = false;
    else heading.current?.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }, []);
  return (
    <>
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions === undefined ? null : <div className="page-actions">{actions}</div>}
      </div>
      {intro === undefined ? null : <p className="page-intro">{intro}</p>}
      {children}
    </>
  );
}

/** The browser puts the focus on the first page that it loads itself. */
let isFirstPage = true;
