import { describe } from 'vitest';
import { ACTS } from '../checks/console/acts/index.ts';
import { embeddedPlace } from '../checks/operator/place.ts';
import { services } from '../services/context.ts';
import { playActs } from './console-acts.ts';

describe.skipIf(services().lacks('chromium'))('the console on the embedded log and SQLite', () => {
  playActs({ placeOf: embeddedPlace, acts: ACTS, depth: 'themes' });
});
