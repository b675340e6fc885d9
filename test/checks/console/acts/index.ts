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

export interface Act {
  readonly play: (world: World) => Promise<void>;
  /** `everywhere`: what it looks at comes from the log and the store. `once`: it is the same with any log and store. */
  readonly where: 'everywhere' | 'once';
}

const everywhere = (play: Act['play']): Act => ({ play, where: 'everywhere' });
const once = (play: Act['play']): Act => ({ play, where: 'once' });

/** By the behaviour that an act looks at. */
export const ACTS: Readonly<Record<string, Act>> = {
  'the first page loads little': once(loadsLittle),
  'the home page shows the health and what needs a person': everywhere(showsTheHealth),
  'the list of orders shows its pages': everywhere(listsOrders),
  'the filters of orders live in the address': everywhere(filtersOrders),
  'the search finds an order by its id': once(findsAnOrder),
  'the export has the orders of the filter': everywhere(exportsOrders),
  'the page of an order shows its row, events and deliveries': everywhere(showsAnOrder),
  'the page of an order goes back in time': once(travelsThroughTime),
  'the page of an order says what one more event would do': once(asksWhatIf),
  'unknown orders and addresses are explained': once(showsAnUnknownOrder),
  'the quarantine lists refused records by reason': everywhere(listsRefusedRecords),
  'the pages follow what is committed': everywhere(followsTheLog),
  'the pages can be paused, and catch up': everywhere(pausesAndGoesOn),
  'the page of dead letters lists them by reason': everywhere(listsDeadLetters),
  'dead letters are redriven in bulk, through a reload': everywhere(redrivesInBulk),
  'the page of a refused record shows its bytes, and discards it': once(showsARefusedRecord),
  'the pipeline shows its partitions, targets and instance': everywhere(showsThePipeline),
  'a partition is paused, and goes on': everywhere(pausesAPartition),
  'all orders are compared with the journal': everywhere(comparesWithTheJournal),
  'everything works by the keyboard alone': once(worksByKeyboard),
  'the jobs are listed, each with a page': everywhere(listsJobs),
  'the audit log has every decision': once(listsDecisions),
  'events are sent to try things out': once(sendsEvents),
  'the settings have their source, and no secret': once(showsSettings),
  'the home page plots the last hour': once(showsTheHour),
  'a halted partition waits for a decision': everywhere(decidesAboutAHalt),
  'a rebuild shows its report, and is switched to': everywhere(rebuildsTheView),
  'a key is asked for, and stays in its tab': once(asksForAKey),
};
