/** The acts of the story, in the sequence in which they are played. */
import type { World } from '../world.ts';
import { asksForAKey } from './access.ts';
import { listsDeadLetters, redrivesInBulk } from './deliveries.ts';
import { decidesAboutAHalt } from './halts.ts';
import { loadsLittle, showsTheHealth, showsTheHour } from './home.ts';
import { worksByKeyboard } from './keyboard.ts';
import { followsTheLog, pausesAndGoesOn } from './live.ts';
import { asksWhatIf, showsAnOrder, showsAnUnknownOrder } from './order.ts';
import { exportsOrders, filtersOrders, findsAnOrder, listsOrders } from './orders.ts';
import { comparesWithTheJournal, pausesAPartition, showsThePipeline } from './pipeline.ts';
import { listsRefusedRecords, showsARefusedRecord } from './quarantine.ts';
import { rebuildsTheView } from './rebuild.ts';
import { listsDecisions, listsJobs } from './records.ts';
import { showsSettings } from './settings.ts';
import { travelsThroughTime } from './travel.ts';
import { sendsEvents } from './trying.ts';

/** By the behaviour that it looks at. */
export const ACTS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'the first page loads little': loadsLittle,
  'the home page shows the health and what needs a person': showsTheHealth,
  'the list of orders shows its pages': listsOrders,
  'the filters of orders live in the address': filtersOrders,
  'the search finds an order by its id': findsAnOrder,
  'the export has the orders of the filter': exportsOrders,
  'the page of an order shows its row, events and deliveries': showsAnOrder,
  'the page of an order goes back in time': travelsThroughTime,
  'the page of an order says what one more event would do': asksWhatIf,
  'unknown orders and addresses are explained': showsAnUnknownOrder,
  'the quarantine lists refused records by reason': listsRefusedRecords,
  'the pages follow what is committed': followsTheLog,
  'the pages can be paused, and catch up': pausesAndGoesOn,
  'the page of dead letters lists them by reason': listsDeadLetters,
  'dead letters are redriven in bulk, through a reload': redrivesInBulk,
  'the page of a refused record shows its bytes, and discards it': showsARefusedRecord,
  'the pipeline shows its partitions, targets and instance': showsThePipeline,
  'a partition is paused, and goes on': pausesAPartition,
  'all orders are compared with the journal': comparesWithTheJournal,
  'everything works by the keyboard alone': worksByKeyboard,
  'the jobs are listed, each with a page': listsJobs,
  'the audit log has every decision': listsDecisions,
  'events are sent to try things out': sendsEvents,
  'the settings have their source, and no secret': showsSettings,
  'the home page plots the last hour': showsTheHour,
  'a halted partition waits for a decision': decidesAboutAHalt,
  'a rebuild shows its report, and is switched to': rebuildsTheView,
  'a key is asked for, and stays in its tab': asksForAKey,
};
