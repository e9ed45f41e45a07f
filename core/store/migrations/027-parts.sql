-- A large full read in parts: each part is a run of its own, `part:1`, `part:2` …, done by whichever node is free. What it counts
-- counts for the run that it is a part of, too.
ALTER TABLE runs ADD COLUMN part_of bigint REFERENCES runs (id) ON DELETE CASCADE;
ALTER TABLE runs DROP CONSTRAINT runs_mode_check;
ALTER TABLE runs ADD CONSTRAINT runs_mode_check CHECK (mode IN ('full', 'incremental', 'details', 'replay', 'retry') OR mode LIKE 'part:%');
CREATE INDEX IF NOT EXISTS runs_parts ON runs (part_of) WHERE part_of IS NOT NULL;
