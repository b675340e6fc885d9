import { setTimeout } from 'node:timers/promises';
import { SettableClock } from '../contract/store/fixtures.ts';

/** A clock whose waits take a twentieth of the given time. A deadline of 15 s passes in less than 1 s. */
export class HastyClock extends SettableClock {
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await setTimeout(ms / 20, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
