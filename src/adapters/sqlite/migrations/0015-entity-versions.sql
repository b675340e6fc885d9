-- The version that the entity had with the event. NULL in rows that are older than this column: their versions follow from
-- the times at which they were decoded.
ALTER TABLE event_journal ADD COLUMN entity_version INTEGER;

-- Finds the last events of an entity with thousands of events. The rows of a shorter entity are read in one scan, so they
-- are not in this index, and writing them costs nothing more.
CREATE INDEX event_journal_by_version ON event_journal (entity_id, entity_version) WHERE entity_version > 1024;
