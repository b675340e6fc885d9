-- Two caches of the journal, for entities with long journals only. Both may be emptied at any time, and are then made
-- again from event_journal.
--
-- journal_index finds an event by the hash of its id, which is the first 8 bytes of its SHA-256 as a signed integer,
-- never 0. The other columns are those of event_journal, with time_occurred in milliseconds. One more row of each
-- entity, with id_hash 0, records how far the index goes: sequence_position is the version up to which every event is
-- indexed, and time_occurred is the fold version of the entity's states in fold_snapshots.
CREATE TABLE journal_index (
  entity_id         TEXT    NOT NULL,
  id_hash           INTEGER NOT NULL,
  sequence_position INTEGER NOT NULL,
  time_occurred     INTEGER NOT NULL,
  caution_rank      INTEGER NOT NULL,
  PRIMARY KEY (entity_id, id_hash, sequence_position, time_occurred, caution_rank)
) WITHOUT ROWID;

-- States of the fold. sequence_key is the key of the last event in the state, as bytes that sort in canonical
-- sequence.
CREATE TABLE fold_snapshots (
  entity_id    TEXT NOT NULL,
  sequence_key BLOB NOT NULL,
  state        BLOB NOT NULL,
  PRIMARY KEY (entity_id, sequence_key)
) WITHOUT ROWID;
