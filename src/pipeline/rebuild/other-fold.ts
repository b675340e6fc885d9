import { TributaryError } from '../../core/errors.ts';
import { areSameColumns } from '../../core/view-columns.ts';
import type { NewRebuild } from '../../ports/view-rebuild.ts';
import type { FoldOfProgram } from './view-mode.ts';

/** The error of a program that must not work on a rebuild, because its fold or its columns are not the rebuild's. */
export class OtherFoldError extends TributaryError {
  /** The program that may work on it, such as "a program with fold version 2". */
  readonly needs: string;

  constructor(needs: string, { foldVersion }: Pick<FoldOfProgram, 'foldVersion'>) {
    super(
      'rebuild_refused',
      `The rebuild needs ${needs}, and this program has fold version ${foldVersion}: ` +
        'run the command with the program that it needs, or drop the new table by "order-sync rebuild --discard".',
    );
    this.needs = needs;
  }
}

/** Names the program that may work on this rebuild; null if this one may. */
export function otherProgramFor(
  { foldVersion, columns }: Omit<NewRebuild, 'rebuildId'>,
  fold: FoldOfProgram,
): string | null {
  if (foldVersion !== fold.foldVersion) return withFold(foldVersion);
  if (areSameColumns(columns, fold.columns)) return null;
  return `${withFold(foldVersion)} and the columns ${columns.map(({ name }) => name).join(', ')}`;
}

/** Throws an `OtherFoldError` if this program must not work on this rebuild. */
export function refuseOtherFold(rebuild: Omit<NewRebuild, 'rebuildId'>, fold: FoldOfProgram): void {
  const needs = otherProgramFor(rebuild, fold);
  if (needs !== null) throw new OtherFoldError(needs, fold);
}

/** Throws an `OtherFoldError` if a rebuild was asked for by a program with another fold, and has not begun. */
export function refuseOtherVersion(asked: number | undefined, fold: FoldOfProgram): void {
  if (asked !== undefined && asked !== fold.foldVersion) throw new OtherFoldError(withFold(asked), fold);
}

function withFold(foldVersion: number): string {
  return `a program with fold version ${foldVersion}`;
}
