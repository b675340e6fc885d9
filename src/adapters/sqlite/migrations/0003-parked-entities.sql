-- Entities that the program cannot fold. Their events are in the journal. Their rows in the view stand still until an
-- operator has them folded again. parked_at is in milliseconds.
CREATE TABLE parked_entities (
  entity_id TEXT    NOT NULL PRIMARY KEY,
  reason    TEXT    NOT NULL,
  detail    TEXT    NOT NULL,
  parked_at INTEGER NOT NULL
) WITHOUT ROWID;
