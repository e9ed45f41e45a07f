-- Schedules: where each one stands, a row for each time that came (a tick), and the reports that were made.

-- A schedule of the config, and how it stands. Whoever ticks holds this row.
CREATE TABLE schedules (
  schedule       text PRIMARY KEY,
  definition     text NOT NULL,                      -- of the config that was loaded last: a node that knows another one leaves it alone
  timing         text NOT NULL,                      -- of it what its times hang on: with another one it begins anew
  cursor         timestamptz NOT NULL,               -- all planned times up to here are rows of ticks
  next_at        timestamptz,                        -- the next planned time; null: there is none
  paused_at      timestamptz,
  paused_until   timestamptz,                        -- null: until a person resumes it
  paused_by      text,
  pause_reason   text,
  failures       integer NOT NULL DEFAULT 0,         -- in a row, up to the last tick that ended
  slow           text,                               -- in words: it outgrows its period
  removed_at     timestamptz                         -- no longer in the config
);

-- A planned time that came. It is a row before it is a job, and there is one row whatever the number of nodes.
CREATE TABLE ticks (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schedule       text NOT NULL,
  planned        timestamptz NOT NULL,
  times          integer NOT NULL DEFAULT 1,         -- planned times that a skipped row stands for, the last of which is `planned`
  trigger        text NOT NULL,                      -- time, catch-up, shortened, backfill, person, api, healing
  work           text NOT NULL,                      -- sync, heal, …
  entities       text[] NOT NULL DEFAULT '{}',
  status         text NOT NULL CHECK (status IN ('waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
  reason         text,
  runs           bigint[] NOT NULL DEFAULT '{}',     -- of a sync
  job_id         text,                               -- of other work
  node           text,
  due_at         timestamptz NOT NULL,               -- planned, and the jitter
  enqueued_at    timestamptz,
  started_at     timestamptz,
  ended_at       timestamptz,
  slow           boolean NOT NULL DEFAULT false,     -- it was told that this one takes too long
  UNIQUE (schedule, planned)
);
CREATE INDEX ticks_open ON ticks (schedule, planned) WHERE status IN ('waiting', 'queued', 'running');

-- The summaries that `run: report` makes.
CREATE TABLE reports (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schedule       text,
  from_at        timestamptz NOT NULL,
  to_at          timestamptz NOT NULL,
  made_at        timestamptz NOT NULL,
  summary        jsonb NOT NULL,
  text           text NOT NULL,
  html           text NOT NULL,
  UNIQUE (schedule, to_at)
);

-- Asked on the command line, or of another node: each node reads the config's files again, and says what came of it.
CREATE TABLE reloads (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  asked_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE reload_answers (
  reload         bigint NOT NULL REFERENCES reloads ON DELETE CASCADE,
  node           text NOT NULL,
  report         jsonb NOT NULL,
  PRIMARY KEY (reload, node)
);
