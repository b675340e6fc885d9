import { describe, expect, it } from 'vitest';
import { change, commitChanges, usePlace } from '../../contract/store/fixtures.ts';
import { describeStore } from '../../contract/store.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('with MySQL', () => {
  describeStore('MySQL', new MysqlHarness(() => services().mysql.url));
  describeSegments(new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('with MariaDB', () => {
  describeStore('MariaDB', new MysqlHarness(() => services().mariadb.url));
  describeSegments(new MysqlHarness(() => services().mariadb.url));
});

/** The table below the view event_journal. */
function describeSegments(harness: MysqlHarness): void {
  describe('journal_segments', () => {
    const place = usePlace(harness);

    it.each([
      'UPDATE journal_segments SET event_count = 0',
      "UPDATE event_journal SET entity_id = 'other'",
      'DELETE FROM journal_segments',
    ])('takes no change and no removal: %s', async (sql) => {
      await commitChanges(place.store, change('parcel', 0));
      const before = await place.store.readJournals(['parcel']);

      await expect(harness.rawQuery(sql)).rejects.toThrow('immutable');

      expect(await place.store.readJournals(['parcel'])).toEqual(before);
    });
  });
}
