-- The views that are ours. This record decides it, and not how a table looks. The record of a view is written before
-- its table is made. While another program's table is taken over, state is 'adopting', and that table is called
-- original_name. Once all of its rows are copied, state is 'copied', and only the new table has to get its name. since
-- is in milliseconds.
CREATE TABLE view_records (
  view_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state ENUM('adopting', 'copied', 'finished') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  original_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  adopted_rows BIGINT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (view_name)
) ENGINE = InnoDB;
