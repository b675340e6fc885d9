/** The time since 1970 in units of `10^-digits` seconds, as a date and a time by RFC 3339 that end with `zone`. */
export function momentOf(value: bigint, digits: 0 | 3 | 6 | 9, zone: '' | 'Z'): string {
  const unit = 10n ** BigInt(digits);
  const fraction = ((value % unit) + unit) % unit;
  const seconds = Number((value - fraction) / unit);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new Error('it has a time beyond all calendars');
  // Years after 9999 and before 0 have a sign, which the reader of the event then refuses.
  const text = date.toISOString().replace('.000Z', '');
  return `${text}${digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`}${zone}`;
}

/** A decimal number: its digits as a whole number in two's complement, of which `scale` stand behind the point. */
export function decimalOf(bytes: Uint8Array, scale: number): string {
  const unsigned = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const whole = BigInt.asIntN(bytes.length * 8, unsigned);
  const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return whole < 0n ? `-${text}` : text;
}
