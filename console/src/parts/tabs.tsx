import { Tabs } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';
import { useQueryState } from '../location.ts';

interface TabsProps {
  readonly label: string;
  /** The name in the query of the address that has the chosen tab. */
  readonly name?: string;
  readonly tabs: readonly {
    readonly value: string;
    readonly title: string;
    readonly count?: number;
    readonly content: () => ReactNode;
  }[];
}

/** Tabs of which the address names the chosen one; the first one without a name. */
export function PageTabs({ label, name = 'tab', tabs }: TabsProps) {
  const [query, change] = useQueryState();
  const asked = query.get(name);
  const first = tabs[0]?.value ?? '';
  const chosen = tabs.some(({ value }) => value === asked) ? (asked ?? first) : first;
  return (
    <Tabs.Root
      className="tabs"
      value={chosen}
      onValueChange={(value: string) => change({ [name]: value === first ? null : value })}
    >
      <Tabs.List className="tabs-list" aria-label={label}>
        {tabs.map(({ value, title, count }) => (
          <Tabs.Tab key={value} value={value} className="tab">
            {title}
            {count === undefined || count === 0 ? null : <span className="tab-count">{count}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map(({ value, content }) => (
        <Tabs.Panel key={value} value={value} className="tab-panel">
          {value === chosen ? content() : null}
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  );
}
