/**
 * The environment of a program that a test starts without the settings around it. The cache of compiled modules, which
 * bin/launch.mjs names, halves the time of the start.
 */
export const BARE_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  ['PATH', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
