-- Dead letters of records and of jobs with every attempt; retries; what may be poison; the history of records in partitions by age.

-- Of a job that failed for good there may be no entity.
ALTER TABLE dead_letters
  ALTER COLUMN entity DROP NOT NULL,
  ADD COLUMN kind text NOT NULL DEFAULT 'record' CHECK (kind IN ('record', 'job')),
  ADD COLUMN identity text,                          -- tells open letters without a key apart: of a record its content, of a job what it does
  ADD COLUMN job jsonb,                              -- of a job: id, task, payload, queue, attempts
  ADD COLUMN retried_as text,                        -- the job that tries the failed one again; when it fails too, the letter is opened again
  ADD COLUMN closed_by text;                         -- a person's name, or tds
CREATE UNIQUE INDEX dead_letters_open_identity ON dead_letters (identity) WHERE status = 'open' AND identity IS NOT NULL;
CREATE INDEX dead_letters_open_by_entity ON dead_letters (entity, id) WHERE status = 'open';
CREATE INDEX dead_letters_by_key ON dead_letters (entity, key, id DESC) WHERE key IS NOT NULL;
CREATE INDEX dead_letters_retried ON dead_letters (retried_as) WHERE retried_as IS NOT NULL;

-- Each time that it failed.
CREATE TABLE dead_letter_attempts (
  letter_id      bigint NOT NULL REFERENCES dead_letters ON DELETE CASCADE,
  at             timestamptz NOT NULL DEFAULT now(),
  run_id         bigint,
  via            text NOT NULL,                      -- full, incremental, details, webhook, replay, repair; job
  job_id         text,
  code           text NOT NULL,
  message        text NOT NULL
);
CREATE INDEX dead_letter_attempts_by_letter ON dead_letter_attempts (letter_id, at);

-- A retry maps dead letters again. Several may wait for one entity, each for a set of its own; of the other modes one is enough.
ALTER TABLE runs DROP CONSTRAINT runs_mode_check;
ALTER TABLE runs ADD CONSTRAINT runs_mode_check CHECK (mode IN ('full', 'incremental', 'details', 'replay', 'retry'));
ALTER TABLE runs ADD COLUMN suspect jsonb;           -- records that may kill their process; written only after a worker was lost
DROP INDEX runs_one_active;
CREATE UNIQUE INDEX runs_one_active ON runs (entity, mode) WHERE status IN ('queued', 'running', 'waiting') AND mode <> 'retry';
CREATE INDEX runs_by_age ON runs (ended_at) WHERE ended_at IS NOT NULL;

-- The row may be written again from the same raw record, by another mapping: that makes no version, but it is told.
ALTER TABLE records
  ADD COLUMN mapped_at timestamptz,
  ADD COLUMN mapped_run bigint,
  ADD COLUMN mapped_via text;

-- Versions that were replaced. Partitions of a month, dropped by age; what no partition takes lands in the default one.
ALTER TABLE record_history RENAME TO record_history_before;
ALTER INDEX record_history_pkey RENAME TO record_history_before_pkey;
DROP INDEX record_history_by_age;
CREATE TABLE record_history (
  entity         text NOT NULL,
  key            text NOT NULL,
  version        integer NOT NULL,
  modified_at    timestamptz,
  observed_at    timestamptz NOT NULL,
  detail_at      timestamptz,
  deleted_at     timestamptz,
  refused        boolean NOT NULL DEFAULT false,
  mapping        integer,
  run_id         bigint,
  via            text NOT NULL,
  written_at     timestamptz NOT NULL,
  mapped_at      timestamptz,
  mapped_run     bigint,
  mapped_via     text,
  replaced_at    timestamptz NOT NULL DEFAULT now(),
  raw            json,
  detail         json,
  PRIMARY KEY (entity, key, version, replaced_at)
) PARTITION BY RANGE (replaced_at);
CREATE TABLE record_history_default PARTITION OF record_history DEFAULT;
INSERT INTO record_history (entity, key, version, modified_at, observed_at, deleted_at, run_id, via, written_at, replaced_at, raw, detail)
  SELECT entity, key, version, modified_at, observed_at, deleted_at, run_id, via, written_at, replaced_at, raw, detail FROM record_history_before;
DROP TABLE record_history_before;
