import { useMemo, useSyncExternalStore } from 'react';
import type { ListedOrder } from '../../api/types.ts';
import { useQueryState } from '../../location.ts';
import { type TableColumn, TIME_IN_TWO_LINES, widthOfIds } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { List } from '../../parts/list.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { usePages } from '../../parts/use-pages.ts';
import { ValueCell } from '../../parts/value-cell.tsx';
import { wordsOf } from '../../text/json.ts';
import { countText, plural } from '../../text/numbers.ts';
import { said, WORDS } from '../../text/words.ts';
import { ExportButtons } from './export-buttons.tsx';
import { filtersFrom, isFiltered, queryOf } from './filters.ts';
import { OrderFilterBar } from './order-filters.tsx';
import { OrderSearch } from './order-search.tsx';
import type { OtherOrders } from './other-orders.ts';
import { longestWords } from './statuses.ts';
import { useLiveRows } from './use-live-rows.ts';
import './orders.css';

const PAGE_ROWS = 100;
/** A UUID stands in one line. */
const ID_WIDTH_MAX = 40;
/** What a badge adds to its words, in characters. */
const BADGE_WIDTH = 3;

export default function Orders() {
  const [parameters, change] = useQueryState();
  const filters = useMemo(() => filtersFrom(parameters), [parameters]);
  const query = useMemo(() => queryOf(filters), [filters]);
  const key = useMemo(() => ['orders', query], [query]);
  const pages = usePages<ListedOrder>(key, '/api/v1/orders', query, { limit: PAGE_ROWS });
  const live = useLiveRows({ key, query, limit: PAGE_ROWS });
  const names = Object.keys(pages.rows[0]?.row ?? {}).join();
  const showsAge = filters.olderThan !== '' || filters.flags.has('stuck');
  // The first page decides, so that no column moves when others are loaded.
  const idWidth = widthOfIds(
    pages.rows.slice(0, PAGE_ROWS).map(({ orderId }) => orderId),
    ID_WIDTH_MAX,
  );
  const columns = useMemo(
    () => columnsOf(names === '' ? [] : names.split(','), idWidth, showsAge),
    [names, idWidth, showsAge],
  );
  return (
    <Page title={said('Orders')} actions={<ExportButtons query={query} />}>
      <OrderSearch />
      <OrderFilterBar filters={filters} onChange={change} />
      <News others={live.others} onShow={live.reload} />
      <List
        label={said('Orders')}
        nouns={[WORDS.noun, WORDS.plural]}
        pages={pages}
        columns={columns}
        idOf={({ orderId }) => orderId}
        classOf={({ orderId }) =>
          [live.changed.has(orderId) ? 'changed' : '', live.gone.has(orderId) ? 'gone' : ''].join(' ').trim()
        }
        onVisible={live.hasSeen}
        empty={
          <EmptyState title={said(isFiltered(filters) ? 'No order is like this.' : 'There is no order yet.')}>
            {isFiltered(filters)
              ? 'Take a filter away to see others.'
              : said('Orders appear as soon as their first event is journaled.')}
          </EmptyState>
        }
      />
      {live.gone.size === 0 ? null : (
        <p className="faint">
          {countText(live.gone.size)} grey {live.gone.size === 1 ? 'row does' : 'rows do'} not match the
          filters any more.
        </p>
      )}
    </Page>
  );
}

/** The number of orders that changed and are not loaded. It changes with each message, so nothing else is drawn with it. */
function News({ others, onShow }: { readonly others: OtherOrders; readonly onShow: () => void }) {
  const count = useSyncExternalStore(others.onChange, others.count);
  if (count === 0) return null;
  return (
    <button type="button" className="news" onClick={onShow}>
      {said(plural(count, 'other order'))} changed: show
    </button>
  );
}

function columnsOf(names: readonly string[], idWidth: number, showsAge: boolean): TableColumn<ListedOrder>[] {
  return [
    {
      id: 'id',
      header: said('Order'),
      isName: true,
      width: idWidth,
      cell: ({ orderId }) => <OrderLink id={orderId} />,
    },
    ...names.map(
      (name): TableColumn<ListedOrder> => ({
        id: `column:${name}`,
        header: wordsOf(name),
        width: Math.max(name.length, longestWords(name) + BADGE_WIDTH),
        cell: ({ row }) => <ValueCell column={name} value={row[name] ?? null} />,
      }),
    ),
    {
      id: 'waitsFor',
      header: 'waits for',
      cell: ({ waitsFor }) => waitsFor ?? <span className="faint">–</span>,
    },
    ...(showsAge
      ? [
          {
            id: 'age',
            header: 'last event',
            width: TIME_IN_TWO_LINES,
            cell: ({ lastJournaledAt }: ListedOrder) => <Time at={lastJournaledAt} />,
          },
        ]
      : []),
    { id: 'version', header: 'version', isNumber: true, cell: ({ version }) => countText(version) },
  ];
}
