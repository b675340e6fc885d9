/** A wrong value. The message says what a right value looks like; `loadSettings` adds the name and the given value. */
export class SettingFault extends Error {}
