import type { SettingTable, ValuesOf } from '../kinds.ts';
import type { Synced } from '../synced.ts';
import type { CommonSettings } from './common.ts';
import { EVENT_PRODUCER_SETTINGS } from './event-producer.ts';
import { ORDER_MGT_SETTINGS } from './order-mgt.ts';
import { ORDER_SYNC_SETTINGS } from './order-sync.ts';
import { START_SETTINGS } from './start.ts';

export { COMMON_SETTINGS, type CommonSettings } from './common.ts';

/**
 * Every setting of every program, joined. The programs share one environment, so each of them has to know its siblings'
 * names: only then can it tell a misspelt name from another program's setting. A new setting is a new row in a file
 * beside this one and a row in docs/settings.md, which a test makes from these tables.
 */
export const PROGRAM_SETTINGS = {
  'event-producer': EVENT_PRODUCER_SETTINGS,
  'order-sync': ORDER_SYNC_SETTINGS,
  'order-mgt': ORDER_MGT_SETTINGS,
  tributary: START_SETTINGS,
} as const satisfies Readonly<Record<string, SettingTable>>;

export type ProgramName = keyof typeof PROGRAM_SETTINGS;

/** All values of one program: the common ones and its own. Those of order-sync come with the domain that it syncs. */
export type SettingsOf<Program extends ProgramName> = CommonSettings &
  ValuesOf<(typeof PROGRAM_SETTINGS)[Program]> &
  (Program extends 'order-sync' ? { readonly synced: Synced } : unknown);
