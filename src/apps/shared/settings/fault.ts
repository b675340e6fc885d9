/** Says what a right value looks like; `loadSettings` adds the name and the value that was given. */
export class SettingFault extends Error {}
