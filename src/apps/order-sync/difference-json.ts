import type { View, ViewValue } from '../../core/domain.ts';
import { entityWords } from '../../core/entity-words.ts';
import { quoted } from '../../core/text.ts';
import type { ReconciledDifference } from '../../pipeline/reconcile/reconcile.ts';
import type { VerifiedDifference } from '../../pipeline/verify/repair.ts';
import type { StoredRow } from '../../ports/store.ts';
import type { AnsweredDomain } from './ask-json.ts';

/** A difference that a verification found, as the command, the API and the jobs show it. */
export interface DifferenceJson {
  /** The id, under the name that the domain gives it. */
  readonly orderId?: string;
  readonly entityId?: string;
  /** A kind of `Difference`, or `target_` and a verdict about what a target holds. */
  readonly kind: string;
  readonly repaired: boolean;
  /** The target of a difference of the ledger, or of what the target holds. */
  readonly target?: string;
  /** By name, the columns of the row that differ. */
  readonly columns?: Readonly<Record<string, { readonly stored: ViewValue; readonly expected: ViewValue }>>;
  /** The rules that an entry of the ledger breaks. */
  readonly faults?: readonly string[];
  readonly stored?: object | null;
  readonly expected?: object | null;
  readonly detail?: string;
}

/** The columns of the view. */
type Columns = View<never>['columns'];

function idOf(domain: AnsweredDomain, entityId: string): Pick<DifferenceJson, 'orderId' | 'entityId'> {
  return { [entityWords(domain).idMember]: entityId };
}

export function differenceJson(domain: AnsweredDomain, difference: VerifiedDifference): DifferenceJson {
  const { columns } = domain.view;
  const { entityId, kind, isRepaired: repaired } = difference;
  const base = { ...idOf(domain, entityId), kind, repaired };
  switch (difference.kind) {
    case 'row_missing':
      return { ...base, stored: null, expected: rowJson(columns, difference.expected) };
    case 'row_extra':
      return { ...base, stored: rowJson(columns, difference.stored), expected: null };
    case 'row_altered':
    case 'version_behind':
    case 'version_ahead':
      return {
        ...base,
        columns: Object.fromEntries(
          difference.columns.map(({ name, stored, expected }) => [name, { stored, expected }]),
        ),
      };
    case 'unfoldable':
      return { ...base, detail: difference.detail };
    default: {
      const { target, faults, stored, expected } = difference;
      return { ...base, target, faults, stored, expected };
    }
  }
}

export function targetDifferenceJson(
  domain: AnsweredDomain,
  target: string,
  { entityId, verdict, ours, theirs, isHealed }: ReconciledDifference,
): DifferenceJson {
  const { columns } = domain.view;
  return {
    ...idOf(domain, entityId),
    kind: `target_${verdict}`,
    repaired: isHealed,
    target,
    stored: rowJson(columns, theirs),
    expected: rowJson(columns, ours),
  };
}

function rowJson(columns: Columns, row: Pick<StoredRow, 'row' | 'version'> | null): object | null {
  if (row === null) return null;
  return {
    ...Object.fromEntries(columns.map(({ name }, index) => [name, row.row[index] ?? null])),
    version: row.version,
  };
}

/** One line of text. Values are escaped, because somebody may have written anything there. */
export function differenceLine(difference: DifferenceJson): string {
  const { orderId, entityId, kind, repaired, target, columns, faults, stored, expected, detail } = difference;
  const words = [kind, quoted(orderId ?? entityId ?? '', 255), repaired ? 'repaired' : 'remains'];
  if (target !== undefined) words.push(target);
  if (faults !== undefined) words.push(faults.join(','));
  for (const [name, both] of Object.entries(columns ?? {}))
    words.push(`${name}: ${shown(both.stored)}, expected ${shown(both.expected)}`);
  if (stored !== undefined || expected !== undefined)
    words.push(`${shown(stored)}, expected ${shown(expected)}`);
  if (detail !== undefined) words.push(quoted(detail, 1_000));
  return words.join('  ');
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
