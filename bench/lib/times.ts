/** Times requests one after the other. */

/** The milliseconds that each request takes to its last byte, one after the other. Rejects if one is not answered well. */
export async function timesOf(count: number, urlOf: () => string): Promise<number[]> {
  const times: number[] = [];
  for (let number = 0; number < count; number++) {
    const url = urlOf();
    const began = performance.now();
    const answer = await fetch(url);
    await answer.arrayBuffer();
    times.push(performance.now() - began);
    if (!answer.ok) throw new Error(`${url} was answered ${answer.status}`);
  }
  return times;
}

/** The time that this share of the times does not exceed, in tenths of a millisecond. */
export function percentileOf(times: readonly number[], share: number): number {
  const sorted = [...times].sort((left, right) => left - right);
  const place = Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1);
  return Math.round((sorted[Math.max(0, place)] ?? 0) * 10) / 10;
}
