import { describe, expect, it, onTestFinished } from 'vitest';
import { Heartbeats, type MembershipEnd } from '../../../../src/adapters/kafka/group/heartbeats.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';

const SESSION_MS = 1_000;
const INTERVAL_MS = 100;
const ROUND_TRIP_MS = 40;
type Answer = string | undefined | 'silence';

/** Heartbeats whose n-th is answered with `answers(n)`, from 0. They begin at 0 ms. */
function beating(answers: (beat: number) => Answer) {
  const clock = new SeededClock({ seed: 1 });
  const options = resolveOptions({
    brokers: [],
    clock,
    logger: () => {},
    sessionTimeoutMs: SESSION_MS,
    heartbeatIntervalMs: INTERVAL_MS,
  });
  const sentAtMs: number[] = [];
  const heartbeats = new Heartbeats(options, async () => {
    const answer = answers(sentAtMs.length);
    sentAtMs.push(clock.monotonicMs());
    await clock.sleep(ROUND_TRIP_MS);
    if (answer === 'silence') throw new Error('No answer came.');
    return answer;
  });
  heartbeats.start();
  onTestFinished(() => heartbeats.stop());
  const closing = new AbortController();
  let end: MembershipEnd | undefined;
  void heartbeats.ended(closing.signal).then((ended) => {
    end = ended;
  });
  return { clock, heartbeats, sentAtMs, closing, end: () => end };
}

describe('the heartbeats of a membership', () => {
  it('go out in each interval behind the last answer, until they are stopped', async () => {
    const { clock, heartbeats, sentAtMs, end } = beating(() => undefined);
    await clock.advance(5_000);
    expect(sentAtMs.slice(0, 3)).toEqual([100, 240, 380]);
    expect([end(), heartbeats.isAlive(), heartbeats.hasEnded()]).toEqual([undefined, true, false]);
    heartbeats.stop();
    const { length } = sentAtMs;
    await clock.advance(SESSION_MS - 1);
    expect(sentAtMs).toHaveLength(length);
    expect(end()).toBeUndefined();
  });

  it('end the membership when the group shares out again, and keep the session alive meanwhile', async () => {
    const { clock, heartbeats, end } = beating(() => 'REBALANCE_IN_PROGRESS');
    await clock.advance(INTERVAL_MS + ROUND_TRIP_MS);
    expect([end(), heartbeats.hasEnded()]).toEqual(['rebalance', true]);
    await clock.advance(3 * SESSION_MS);
    expect(heartbeats.isAlive()).toBe(true);
  });

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])(
    'a member loses its place at once when the coordinator answers %s',
    async (answer) => {
      const { clock, heartbeats, sentAtMs, end } = beating((beat) => (beat === 1 ? answer : undefined));
      await clock.advance(2 * (INTERVAL_MS + ROUND_TRIP_MS));
      expect([end(), heartbeats.isAlive()]).toEqual(['lost', false]);
      await clock.advance(SESSION_MS);
      expect(sentAtMs).toHaveLength(2);
    },
  );

  it.each(['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'])(
    'a member joins again, by the coordinator that it finds then, after the answer %s',
    async (answer) => {
      const { clock, heartbeats, end } = beating((beat) => (beat === 0 ? answer : undefined));
      await clock.advance(INTERVAL_MS + ROUND_TRIP_MS);
      expect([end(), heartbeats.isAlive()]).toEqual(['rebalance', true]);
    },
  );

  it('a session ends one timeout after the last answered heartbeat was sent, not after its answer came', async () => {
    const { clock, heartbeats, end } = beating((beat) => (beat === 0 ? undefined : 'silence'));
    await clock.advance(INTERVAL_MS + SESSION_MS - 1);
    expect([end(), heartbeats.isAlive()]).toEqual([undefined, true]);
    await clock.advance(1);
    expect([end(), heartbeats.isAlive()]).toEqual(['lost', false]);
  });

  it('a session without any answer ends one timeout after the start', async () => {
    const { clock, end } = beating(() => 'silence');
    await clock.advance(SESSION_MS - 1);
    expect(end()).toBeUndefined();
    await clock.advance(1);
    expect(end()).toBe('lost');
  });

  it('a session that was kept by the answer to a rebalance ends as every other', async () => {
    const { clock, heartbeats, end } = beating((beat) => (beat === 0 ? 'REBALANCE_IN_PROGRESS' : 'silence'));
    await clock.advance(INTERVAL_MS + SESSION_MS - 1);
    expect([end(), heartbeats.isAlive()]).toEqual(['rebalance', true]);
    await clock.advance(1);
    expect(heartbeats.isAlive()).toBe(false);
  });

  it('a session that ended unnoticed is over as soon as somebody looks, and none before its time', async () => {
    const { clock, heartbeats, end } = beating(() => undefined);
    await clock.advance(INTERVAL_MS + ROUND_TRIP_MS);
    heartbeats.stop();
    await clock.advance(SESSION_MS - ROUND_TRIP_MS - 1);
    heartbeats.expire();
    await clock.advance(0);
    expect([end(), heartbeats.isAlive()]).toEqual([undefined, true]);
    await clock.advance(1);
    heartbeats.expire();
    await clock.advance(0);
    expect([end(), heartbeats.isAlive(), heartbeats.hasEnded()]).toEqual(['lost', false, true]);
  });

  it('an end that comes with the close of the member, also with one that was before, is called so', async () => {
    const { clock, heartbeats, closing, end } = beating(() => undefined);
    await clock.advance(INTERVAL_MS);
    closing.abort();
    await clock.advance(0);
    expect(end()).toBe('closed');
    expect(await heartbeats.ended(AbortSignal.abort())).toBe('closed');
    expect(heartbeats.hasEnded()).toBe(false);
  });

  it('a rebalance that the member itself asks for ends the membership', async () => {
    const { clock, heartbeats, end } = beating(() => undefined);
    heartbeats.endByRebalance();
    await clock.advance(0);
    expect([end(), heartbeats.isAlive()]).toEqual(['rebalance', true]);
  });
});
