-- The foundation: entities, runs, raw records with their history, dead letters.
-- The migration runner has set search_path to the TDS schema.

-- What TDS remembers of an entity between runs.
CREATE TABLE entities (
  entity         text PRIMARY KEY,
  source         text NOT NULL,                      -- connection, stream and options, as one text: another source means a new start
  mapping        integer NOT NULL,                   -- the mapping of the last run, see records.mapping
  cursor         jsonb,                              -- where the next incremental read begins
  cursor_run     bigint,                             -- the run that saved it
  last_full_at   timestamptz,                        -- start of the last full read that succeeded
  last_read_at   timestamptz                         -- start of the last read of any mode that succeeded
);

-- One execution of a sync.
CREATE TABLE runs (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entity         text NOT NULL,
  mode           text NOT NULL CHECK (mode IN ('full', 'incremental', 'details', 'replay')),
  trigger        text NOT NULL,                      -- person, api, schedule, run (a run that another run asked for), …
  options        jsonb NOT NULL DEFAULT '{}',
  status         text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  code           text,                               -- of the error that ended it, or of a warning
  reason         text,                               -- in words
  waits_on       text,                               -- what a waiting run waits for
  resumes_at     timestamptz,
  position       jsonb,                              -- where to go on after a kill; saved with the rows it covers
  attempts       integer NOT NULL DEFAULT 0,
  node           text,
  job_id         text,                               -- its job on the queue, for a cancel
  pages          bigint NOT NULL DEFAULT 0,
  read           bigint NOT NULL DEFAULT 0,          -- records that arrived
  new            bigint NOT NULL DEFAULT 0,
  changed        bigint NOT NULL DEFAULT 0,
  unchanged      bigint NOT NULL DEFAULT 0,
  stale          bigint NOT NULL DEFAULT 0,          -- older than what is stored, so left alone
  deleted        bigint NOT NULL DEFAULT 0,
  refused        bigint NOT NULL DEFAULT 0,          -- set aside as dead letters
  dropped        bigint NOT NULL DEFAULT 0,          -- left out by a check that says drop
  warnings       bigint NOT NULL DEFAULT 0,
  calls          bigint NOT NULL DEFAULT 0,
  bytes          bigint NOT NULL DEFAULT 0,
  queued_at      timestamptz NOT NULL DEFAULT now(),
  started_at     timestamptz,
  ended_at       timestamptz,
  updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX runs_by_entity ON runs (entity, id DESC);
CREATE UNIQUE INDEX runs_one_active ON runs (entity, mode) WHERE status IN ('queued', 'running', 'waiting');

-- The keys that a full read has seen, an array per batch. What is missing at its end may be gone at the source.
CREATE TABLE run_seen (
  run_id         bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
  keys           text[] NOT NULL
);
CREATE INDEX run_seen_by_run ON run_seen (run_id);

-- The current raw record of each entity and key. One partition per entity, made when the entity is first used.
CREATE TABLE records (
  entity         text NOT NULL,
  key            text NOT NULL,
  version        integer NOT NULL DEFAULT 1,         -- counts up with each change; writers compare and set it
  modified_at    timestamptz,                        -- the record's own modified time, the newest seen
  observed_at    timestamptz NOT NULL,               -- when the source was asked for what stands here
  list_hash      text,                               -- of `raw`
  detail_hash    text,                               -- of `detail`
  detail_at      timestamptz,                        -- when the source was asked for `detail`
  detail_modified_at timestamptz,                    -- the modified time inside `detail`
  detail_due     boolean NOT NULL DEFAULT false,     -- the list has something newer than `detail`
  refused        boolean NOT NULL DEFAULT false,     -- the newest version is a dead letter, the table holds an older one
  mapping        integer NOT NULL,                   -- by which mapping the row was written
  deleted_at     timestamptz,                        -- tombstone: when it was known to be gone
  run_id         bigint,
  via            text NOT NULL,                      -- full, incremental, details, webhook, replay, repair
  written_at     timestamptz NOT NULL DEFAULT now(),
  raw            json,                               -- as the list sent it; json, not jsonb: exact, and any text is accepted
  detail         json,                               -- as the detail call or a webhook sent it
  PRIMARY KEY (entity, key)
) PARTITION BY LIST (entity);
CREATE INDEX records_detail_due ON records (entity, modified_at DESC NULLS LAST, key) WHERE detail_due;

-- Versions that were replaced.
CREATE TABLE record_history (
  entity         text NOT NULL,
  key            text NOT NULL,
  version        integer NOT NULL,
  modified_at    timestamptz,
  observed_at    timestamptz NOT NULL,
  deleted_at     timestamptz,
  run_id         bigint,
  via            text NOT NULL,
  written_at     timestamptz NOT NULL,
  replaced_at    timestamptz NOT NULL DEFAULT now(),
  raw            json,
  detail         json,
  PRIMARY KEY (entity, key, version)
);
CREATE INDEX record_history_by_age ON record_history (replaced_at);

-- Records and events that failed for good.
CREATE TABLE dead_letters (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entity         text NOT NULL,
  key            text,                               -- absent where the record has none
  run_id         bigint,
  via            text NOT NULL,
  code           text NOT NULL,
  message        text NOT NULL,
  field          text,
  problems       jsonb NOT NULL DEFAULT '[]',        -- all that is wrong with it
  fingerprint    text NOT NULL,                      -- groups the same fault
  raw            json,
  status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'discarded')),
  attempts       integer NOT NULL DEFAULT 1,
  first_at       timestamptz NOT NULL DEFAULT now(),
  last_at        timestamptz NOT NULL DEFAULT now(),
  closed_at      timestamptz,
  closed_reason  text
);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (entity, key) WHERE status = 'open';
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint, id DESC);
CREATE INDEX dead_letters_by_entity ON dead_letters (entity, id DESC);
