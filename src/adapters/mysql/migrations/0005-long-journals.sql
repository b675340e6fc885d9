-- Two caches of the journal, for entities with long journals only. Both may be emptied at any time, and are then made
-- again from journal_segments.
--
-- journal_index has one row for each event: its key as bytes that sort in canonical sequence, the first 8 bytes of the
-- SHA-256 of its id (never 0), and its segment and the place in it. One more row of each entity, with an empty
-- sequence_key and id_hash 0, records how far the index goes: first_version is the version up to which every event is
-- indexed (-1 while old rows are removed), and place is the fold version of the entity's states in fold_snapshots (-1
-- if the journal lacks versions in the middle).
CREATE TABLE journal_index (
  entity_id VARBINARY(255) NOT NULL,
  sequence_key VARBINARY(570) NOT NULL,
  id_hash BINARY(8) NOT NULL,
  first_version BIGINT NOT NULL,
  place INT NOT NULL,
  PRIMARY KEY (entity_id, sequence_key),
  KEY journal_index_by_id (entity_id, id_hash)
) ENGINE = InnoDB;

-- States of the fold. sequence_key is the key of the last event in the state.
CREATE TABLE fold_snapshots (
  entity_id VARBINARY(255) NOT NULL,
  sequence_key VARBINARY(570) NOT NULL,
  state MEDIUMBLOB NOT NULL,
  PRIMARY KEY (entity_id, sequence_key)
) ENGINE = InnoDB;
