import type { Value } from '../api/types.ts';
import { statusWords } from '../pages/orders/statuses.ts';
import { Badge, type Tone } from './badge.tsx';

/** One value of a row. A status has its words, and its exact value as a title. */
export function ValueCell({ column, value }: { readonly column: string; readonly value: Value }) {
  if (value === null)
    return (
      <span className="faint" role="img" aria-label="no value">
        –
      </span>
    );
  if (typeof value === 'boolean')
    return <Badge tone={value ? 'good' : 'plain'}>{value ? 'yes' : 'no'}</Badge>;
  if (typeof value === 'number') return value;
  if (typeof value === 'object') return <code>{JSON.stringify(value)}</code>;
  const tone = TONES[value];
  const words = statusWords(column, value);
  return tone === undefined ? (
    <span title={value}>{words}</span>
  ) : (
    <span title={value}>
      <Badge tone={tone}>{words}</Badge>
    </span>
  );
}

const TONES: Readonly<Record<string, Tone>> = {
  PAYMENT_AUTHORIZED: 'good',
  PAYMENT_AUTH_WITHPENDING_REVIEW: 'warn',
  AUTHORIZATION_REVIEW_ACCEPTED: 'good',
  AUTHORIZATION_REVIEW_DECLINED: 'bad',
  PENDING: 'warn',
  ACCEPTED: 'good',
  DECLINED: 'bad',
};
