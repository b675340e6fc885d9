-- The rows of this table are in the table jobs.
DROP TABLE IF EXISTS redrive_jobs;
