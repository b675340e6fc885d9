import { PROGRAM_SETTINGS, type SettingsOf } from '../shared/settings/known/index.ts';
import type { SettingEntry } from '../shared/settings/load.ts';

/** Whether somebody has set the setting. */
export function isGiven(entries: readonly SettingEntry[], name: string): boolean {
  return entries.some((entry) => entry.name === name && entry.source !== 'default');
}

const ORDER_SYNC_TABLE = PROGRAM_SETTINGS['order-sync'];

type Decided = Partial<
  Pick<SettingsOf<'order-sync'>, 'targetUrl' | 'targetApiKey' | 'targetProxy' | 'offersTry'>
>;

/**
 * The entries of the order-sync that `npm start` runs. The program hands its own settings on as variables, so their true
 * sources are in `own`. `decided` has the values that the program chooses itself, by the keys of the settings.
 */
export function startedEntries(
  entries: readonly SettingEntry[],
  own: readonly SettingEntry[],
  decided: Decided,
): SettingEntry[] {
  const chosen = new Map(
    Object.entries(decided).map(([key, value]) => {
      const { env, show } = ORDER_SYNC_TABLE[key as keyof Decided];
      return [env as string, show(value as never)];
    }),
  );
  return entries.map((entry) => {
    const value = chosen.get(entry.name);
    if (value !== undefined && entry.source === 'default') return { ...entry, value, from: 'npm start' };
    const { source, from } = own.find(({ name }) => name === entry.name) ?? entry;
    return { ...entry, source, from };
  });
}
