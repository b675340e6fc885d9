import type { ReactNode } from 'react';
import { countText } from '../text/numbers.ts';
import { LongTable, type TableColumn } from './data-table.tsx';
import { Loading } from './empty-state.tsx';
import { ErrorNote } from './error-note.tsx';
import type { RowChoice } from './table-model.tsx';
import type { Pages } from './use-pages.ts';

interface ListProps<Row> {
  readonly label: string;
  /** What is listed, one and many of it, as in `['order', 'orders']`. */
  readonly nouns: readonly [one: string, many: string];
  readonly pages: Pages<Row>;
  readonly columns: readonly TableColumn<Row>[];
  readonly idOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
  readonly selection?: RowChoice<Row>;
  readonly onVisible?: (ids: readonly string[]) => void;
  readonly empty: ReactNode;
}

/** A paged list: its table, and a line that says how much of it is loaded. */
export function List<Row>({ label, nouns, pages, empty, selection, ...table }: ListProps<Row>) {
  const { rows, error, isLoading, isLoadingMore, hasMore, isSearching, loadMore, reload } = pages;
  if (isLoading && error === null) return <Loading what={nouns[1]} />;
  if (error !== null && rows.length === 0) return <ErrorNote error={error} onRetry={reload} />;
  if (rows.length === 0 && !hasMore) return empty;
  return (
    <>
      <LongTable
        {...table}
        {...(selection === undefined ? {} : { selection })}
        label={label}
        rows={rows}
        hasMore={hasMore}
        onEnd={loadMore}
      />
      <div className="list-foot">
        <span>
          {countText(rows.length)} {nouns[rows.length === 1 ? 0 : 1]} loaded
          {hasMore ? ', others follow' : ': that is all'}
          {isLoadingMore ? '. Reading more…' : '.'}
        </span>
        {isSearching && !isLoadingMore ? (
          <button type="button" onClick={loadMore}>
            Search further
          </button>
        ) : null}
      </div>
      {error === null ? null : <ErrorNote error={error} onRetry={reload} />}
    </>
  );
}
