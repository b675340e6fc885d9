-- Two caches of the journal, for entities with long journals only. Both may be emptied at any time: what is missing is
-- made again from journal_segments.
--
-- journal_index has a row for each event: its key as bytes that sort in canonical sequence, the first 8 bytes of
-- SHA-256 of its id (never 0), and the segment and place where the event is. The row of an entity whose sequence_key is
-- empty and whose id_hash is 0 says how far the index goes: first_version is the version up to which every event is in
-- it (-1 while old rows are removed), and place is the fold version of the entity's states in fold_snapshots (-1 if
-- versions are missing in the middle of the journal).
CREATE TABLE journal_index (
  entity_id VARBINARY(255) NOT NULL,
  sequence_key VARBINARY(570) NOT NULL,
  id_hash BINARY(8) NOT NULL,
  first_version BIGINT NOT NULL,
  place INT NOT NULL,
  PRIMARY KEY (entity_id, sequence_key),
  KEY journal_index_by_id (entity_id, id_hash)
) ENGINE = InnoDB;

-- States of the fold. sequence_key is the key of the last event in it.
CREATE TABLE fold_snapshots (
  entity_id VARBINARY(255) NOT NULL,
  sequence_key VARBINARY(570) NOT NULL,
  state MEDIUMBLOB NOT NULL,
  PRIMARY KEY (entity_id, sequence_key)
) ENGINE = InnoDB;
