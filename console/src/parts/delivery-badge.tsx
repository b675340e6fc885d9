import { Badge, type Tone } from './badge.tsx';

const TONES: Readonly<Record<string, Tone>> = { delivered: 'good', pending: 'info', dead: 'bad' };

/** The status of a delivery. The API calls one pending that is due. */
export function DeliveryBadge({ status }: { readonly status: string }) {
  return <Badge tone={TONES[status] ?? 'plain'}>{status === 'pending' ? 'due' : status}</Badge>;
}
