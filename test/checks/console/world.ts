/** Everything that an act works with: the programs of the story, a browser, and the judge. */
import type { Browser, Page } from 'playwright-core';
import type { RunningCheck } from '../lib/command.ts';
import type { Place } from '../operator/place.ts';
import { type Stage, setStage } from '../operator/stage.ts';
import { newSession } from './browser.ts';
import { Judge } from './judge.ts';
import { type Depth, type Looks, look } from './looks.ts';
import { type Story, tellStory } from './story.ts';
import type { Watch } from './watch.ts';

/** The secret of the deliveries. No page may show it. */
export const SECRET = `whsec_${Buffer.alloc(32, 'the page does not show it').toString('base64')}`;
/** Low, so that a redrive of six deliveries is still at work after the page was loaded again. */
const REDRIVES_PER_SECOND = 2;

export interface World {
  readonly stage: Stage;
  readonly story: Story;
  readonly judge: Judge;
  readonly looks: Looks;
  /** The one page of all acts. It has the light theme and is 1280 pixels wide at the beginning of each. */
  readonly page: Page;
  readonly watch: Watch;
  /** Opens another browser session, with nothing stored, whose pages are watched as well. */
  readonly session: () => ReturnType<typeof newSession>;
  /** What all watched pages did behind the scenes. */
  readonly watches: readonly Watch[];
  /** Judges how the page looks, and takes pictures of it if they are wanted. */
  look(name: string): Promise<void>;
  /** The same with a page of another session. */
  lookAt(page: Page, name: string): Promise<void>;
}

export interface WorldOptions {
  readonly browser: Browser;
  readonly depth: Depth;
  /** The folder for pictures; null for none. */
  readonly pictures: string | null;
  /** Tells whether live updates that come late are wrong. */
  readonly isTimed: boolean;
}

/** Starts the programs at the place, tells the story, and opens the console's home page. */
export async function openWorld(check: RunningCheck, place: Place, options: WorldOptions): Promise<World> {
  const { browser, depth, pictures, isTimed } = options;
  const judge = new Judge({
    tell: (fault) => check.progress(`wrong (${place.name}): ${fault}`),
    isTimed,
    signal: check.signal,
  });
  const stage = await setStage(check, place, {
    ORDER_SYNC_TRY: 'true',
    ORDER_SYNC_TARGET_SECRET: SECRET,
    ORDER_SYNC_REDRIVE_RATE: String(REDRIVES_PER_SECOND),
  });
  const watches: Watch[] = [];
  const session = async () => {
    const opened = await newSession(browser, stage.url);
    check.defer(() => opened.context.close());
    watches.push(opened.watch);
    return opened;
  };
  const story = await tellStory(stage);
  const { context, watch } = await session();
  const page = await context.newPage();
  const looks: Looks = { judge, depth, pictures, axeViolations: 0, pages: new Set() };
  return {
    stage,
    story,
    judge,
    looks,
    page,
    watch,
    watches,
    session,
    look: (name) => look(looks, page, name),
    lookAt: (other, name) => look(looks, other, name),
  };
}
