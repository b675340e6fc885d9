-- The view that people read. Make it on each server once order-sync has made its tables through the proxy, which refuses it.
CREATE OR REPLACE VIEW event_journal AS
SELECT
  s.entity_id,
  s.first_version + p.place AS entity_version,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][0]')) AS SIGNED) AS sequence_position,
  CAST(DATE_ADD('1970-01-01 00:00:00', INTERVAL CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][1]')) AS SIGNED) / 1000 SECOND) AS DATETIME(3)) AS time_occurred,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][2]')) AS SIGNED) AS caution_rank,
  CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][3]'))) AS BINARY) AS event_id,
  UNHEX(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][4]')))) AS content_hash,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][5]'))) AS event_type,
  CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][6]'))), 'null') AS SIGNED) AS revision,
  CAST(DATE_ADD('1970-01-01 00:00:00', INTERVAL CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][7]')) AS SIGNED) / 1000 SECOND) AS DATETIME(3)) AS time_observed,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][8]'))) AS topic,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][9]')) AS SIGNED) AS partition_id,
  CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][10]'))) AS SIGNED) AS record_offset,
  CONVERT(SUBSTRING(
    s.bodies,
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][11]')) AS SIGNED),
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][12]')) AS SIGNED)
  ) USING utf8mb4) AS data,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][13]'))) AS trace_parent,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][14]'))) AS trace_state
FROM journal_segments s JOIN journal_places p ON p.place < s.event_count;
