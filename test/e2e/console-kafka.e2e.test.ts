import { describe } from 'vitest';
import { ACTS } from '../checks/console/acts/index.ts';
import { kafkaPlaceOn } from '../checks/operator/place.ts';
import { services } from '../services/context.ts';
import { playActs } from './console-acts.ts';

// The looks of the pages, and what comes neither from the log nor from the store, are the same with the embedded log.
describe.skipIf(services().lacks('chromium', 'kafka', 'mariadb'))('the console on Kafka and MariaDB', () => {
  playActs({
    placeOf: (check) => kafkaPlaceOn(check, services().kafka, services().mariadb),
    acts: Object.fromEntries(Object.entries(ACTS).filter(([, { where }]) => where === 'everywhere')),
    depth: 'none',
  });
});
