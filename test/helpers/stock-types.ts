import type { stockLedger } from '../../examples/stock-ledger/domain.ts';
import type { EventOf, StateOf } from '../../src/public/index.ts';

export type StockState = StateOf<typeof stockLedger>;
export type StockEvent = EventOf<typeof stockLedger>;
