-- What we know of the views that are ours: by this record, never by how a table looks. A view's row is written before its
-- table is made. While the table of another program is taken over, state is 'adopting', and that table is called
-- original_name; once all of its rows are copied, 'copied': then only the new table's name is missing. since is in
-- milliseconds.
CREATE TABLE view_records (
  view_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state ENUM('adopting', 'copied', 'finished') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  original_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  adopted_rows BIGINT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (view_name)
) ENGINE = InnoDB;
