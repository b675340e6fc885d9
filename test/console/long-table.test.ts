import { setImmediate } from 'node:timers/promises';
import { createElement, type FunctionComponent } from 'react';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeNode, fakeWindow } from './fake-document.ts';

/** The types of the tests know no browser, so the name of this module is no literal for them. */
const TABLE: string = '../../console/src/parts/data-table.tsx';
const MODEL: string = '../../console/src/parts/table-model.tsx';
const ROW_PX = 37;
const ROWS_IN_SIGHT = 10;
/** The rows beyond both ends of those in sight that are in the document. */
const BEYOND = 8;

interface Row {
  readonly id: string;
  readonly version: number;
}

/** The ids of the rows that were drawn since the last look. */
const drawn: string[] = [];
const columns = [
  {
    id: 'id',
    header: 'Order',
    cell: ({ id }: Row) => {
      drawn.push(id);
      return id;
    },
  },
  { id: 'version', header: 'version', cell: ({ version }: Row) => version },
];
const ROWS: readonly Row[] = Array.from({ length: 1_000 }, (_, index) => ({
  id: `order-${index}`,
  version: 1,
}));
const idsOf = (from: number, to: number) => ROWS.slice(from, to).map(({ id }) => id);
const fixed = { label: 'Orders', columns, idOf: ({ id }: Row) => id };

describe('a long table', () => {
  let draw: (props: object) => void;
  let unmount: () => void;
  let container: FakeNode;
  let fake: ReturnType<typeof fakeWindow>;

  beforeAll(() => {
    fake = fakeWindow({ section: ROW_PX * ROWS_IN_SIGHT });
  });

  afterAll(async () => {
    // React ends its work in a later task, and looks at the window then.
    await setImmediate();
    fake.restore();
  });

  beforeEach(async () => {
    const { LongTable } = (await import(TABLE)) as { readonly LongTable: FunctionComponent<object> };
    const { createRoot } = await import('react-dom/client');
    const { flushSync } = await import('react-dom');
    container = fake.document.createElement('div');
    const root = createRoot(container as never);
    draw = (props) => flushSync(() => root.render(createElement(LongTable, { ...fixed, ...props })));
    unmount = () => flushSync(() => root.unmount());
    draw({ rows: ROWS });
    await vi.waitFor(() => expect(shown()).toEqual(idsOf(0, ROWS_IN_SIGHT + BEYOND)));
    drawn.length = 0;
  });

  afterEach(() => unmount());

  const rows = () => container.all('tr').filter((row) => row.getAttribute('data-index') !== null);
  const shown = () => rows().map((row) => row.all('td')[0]?.textContent);
  const scrollTo = (row: number) => {
    const region = container.all('section')[0] as FakeNode;
    region.scrollTop = row * ROW_PX;
    region.dispatch('scroll');
  };

  it('draws one row again when one order of a page has changed', () => {
    draw({ rows: ROWS.with(3, { id: 'order-3', version: 2 }) });
    expect(drawn).toEqual(['order-3']);
    expect(rows()[3]?.textContent).toBe('order-32');
  });

  it('draws no row again when another page is loaded', () => {
    draw({ rows: [...ROWS, { id: 'order-1000', version: 1 }] });
    expect(drawn).toEqual([]);
  });

  it('draws one row again when its class has changed', () => {
    draw({ rows: ROWS, classOf: ({ id }: Row) => (id === 'order-4' ? 'changed' : '') });
    expect(drawn).toEqual(['order-4']);
  });

  it('draws only the rows that come into its document', async () => {
    scrollTo(100);
    await vi.waitFor(() => expect(shown()).toContain('order-100'));
    drawn.length = 0;
    scrollTo(105);
    await vi.waitFor(() => expect(drawn).not.toEqual([]));
    expect(drawn).toEqual(idsOf(100 + ROWS_IN_SIGHT + BEYOND, 105 + ROWS_IN_SIGHT + BEYOND));
    expect(shown()).toEqual(idsOf(105 - BEYOND, 105 + ROWS_IN_SIGHT + BEYOND));
  });

  it('draws new rows in a later task than the one that scrolls', async () => {
    scrollTo(2);
    expect(drawn).toEqual([]);
    await vi.waitFor(() => expect(drawn).toHaveLength(2));
  });

  it('draws one row again when somebody chooses it', () => {
    const selection = { ids: new Set<string>(), onChange: () => undefined };
    draw({ rows: ROWS, selection });
    drawn.length = 0;
    draw({ rows: ROWS, selection: { ...selection, ids: new Set(['order-5']) } });
    expect(drawn).toEqual(['order-5']);
  });

  it('asks for the next page when fewer than 15 rows are left below those in its document', async () => {
    const onEnd = vi.fn();
    const lastPlace = 100 - ROWS_IN_SIGHT - BEYOND - 15;
    draw({ rows: ROWS.slice(0, 100), hasMore: true, onEnd });
    scrollTo(lastPlace);
    await vi.waitFor(() => expect(shown()).toContain(`order-${lastPlace + ROWS_IN_SIGHT + BEYOND - 1}`));
    expect(onEnd).not.toHaveBeenCalled();
    scrollTo(lastPlace + 1);
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalled());
  });
});

/** A component that draws nothing, for hooks that work only in one. */
function Probe({ make }: { readonly make: () => void }) {
  make();
  return null;
}

describe('the choice of rows', () => {
  interface Model {
    getIsAllRowsSelected(): boolean;
    toggleAllRowsSelected(isChosen: boolean): void;
    getRow(id: string): { toggleSelected(isChosen: boolean): void; getCanSelect(): boolean };
  }
  const isOdd = ({ id }: Row) => Number(id.slice('order-'.length)) % 2 === 1;
  let fake: ReturnType<typeof fakeWindow>;

  beforeAll(() => {
    fake = fakeWindow({});
  });

  afterAll(async () => {
    await setImmediate();
    fake.restore();
  });

  /** The model of a table with these rows, of which those with odd numbers may be chosen. */
  async function modelOf(rows: readonly Row[], ids: readonly string[]) {
    const { useTableModel } = (await import(MODEL)) as { readonly useTableModel: (props: object) => Model };
    const { createRoot } = await import('react-dom/client');
    const { flushSync } = await import('react-dom');
    const onChange = vi.fn();
    const selection = { ids: new Set(ids), onChange, mayChoose: isOdd };
    const made: Model[] = [];
    const root = createRoot(fake.document.createElement('div') as never);
    const make = () => made.push(useTableModel({ ...fixed, rows, selection }));
    flushSync(() => root.render(createElement(Probe, { make })));
    flushSync(() => root.unmount());
    return {
      model: made[0] as Model,
      chosen: () => [...((onChange.mock.lastCall?.[0] ?? []) as Iterable<string>)].sort(),
    };
  }

  it('covers every loaded row that may be chosen, and keeps those that are not loaded', async () => {
    const { model, chosen } = await modelOf(ROWS.slice(0, 4), ['order-99']);
    model.toggleAllRowsSelected(true);
    expect(chosen()).toEqual(['order-1', 'order-3', 'order-99']);
  });

  it('loses only the loaded rows when all are taken out', async () => {
    const { model, chosen } = await modelOf(ROWS.slice(0, 4), ['order-1', 'order-3', 'order-99']);
    expect(model.getIsAllRowsSelected()).toBe(true);
    model.toggleAllRowsSelected(false);
    expect(chosen()).toEqual(['order-99']);
  });

  it('gains and loses single rows', async () => {
    const { model, chosen } = await modelOf(ROWS.slice(0, 4), ['order-1']);
    expect(model.getRow('order-2').getCanSelect()).toBe(false);
    model.getRow('order-3').toggleSelected(true);
    expect(chosen()).toEqual(['order-1', 'order-3']);
    model.getRow('order-1').toggleSelected(false);
    expect(chosen()).toEqual([]);
  });
});
