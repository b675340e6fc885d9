import { setTimeout } from 'node:timers/promises';
import { SettableClock } from '../contract/store/fixtures.ts';

/** Waits take a twentieth of their time, so that a test sees a deadline of 15 seconds in less than one. */
export class HastyClock extends SettableClock {
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await setTimeout(ms / 20, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
