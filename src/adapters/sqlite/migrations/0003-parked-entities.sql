-- Entities that the program cannot fold. Their events are in the journal; their rows in the view stand still until
-- somebody has the entity folded again. parked_at is in milliseconds.
CREATE TABLE parked_entities (
  entity_id TEXT    NOT NULL PRIMARY KEY,
  reason    TEXT    NOT NULL,
  detail    TEXT    NOT NULL,
  parked_at INTEGER NOT NULL
) WITHOUT ROWID;
