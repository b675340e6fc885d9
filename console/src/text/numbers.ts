const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A whole number with commas between its groups of three digits. */
export function countText(value: number): string {
  return GROUPED.format(value);
}

/** A count that may be larger than the number, as in `100,000+`. */
export function boundedText({ count, isMore }: { readonly count: number; readonly isMore: boolean }): string {
  return `${countText(count)}${isMore ? '+' : ''}`;
}

/** A rate: one digit behind the point below 10, and at least `0.1` for anything but nothing. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond >= 10) return countText(perSecond);
  return String(Math.max(0.1, Math.round(perSecond * 10) / 10));
}

/** The count with its noun, which takes an s. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
