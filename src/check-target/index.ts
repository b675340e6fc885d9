// check-target tries everything that the contract of docs/being-a-target.md asks of a target, at a running one. It knows
// no settings and no command line: the caller hands in what it needs, and how its user calls that.

export type { OptionNames } from './option-names.ts';
export { reportText } from './report.ts';
export { type CheckTargetOptions, checkTarget, type Report } from './run.ts';
