import type { Domain } from '../../core/domain.ts';
import type { Decoder } from '../decode/decoder.ts';
import type { ViewWatch } from '../rebuild/view-mode.ts';
import type { DueRules } from './due.ts';
import type { HistoryCache } from './history-cache.ts';
import type { ParkedRegistry } from './parked.ts';

/** What all lanes of an instance need to work out what a batch changes. */
export interface PlanContext<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly cache: HistoryCache<State, Event>;
  readonly parked: ParkedRegistry;
  readonly due: DueRules;
  /** Knows whether rows are written. Without it, they are. */
  readonly view?: Pick<ViewWatch, 'writesRows'>;
}
