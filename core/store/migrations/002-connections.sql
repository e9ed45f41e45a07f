-- What connections remember: shared by the nodes and kept over restarts.

-- Calls of a day, by entity and purpose: the ledger of the quota.
CREATE TABLE quota_calls (
  connection     text NOT NULL,
  day            date NOT NULL,                      -- in the zone of the service
  entity         text NOT NULL DEFAULT '',           -- '' for calls of the connection itself
  purpose        text NOT NULL,                      -- webhook, person, incremental, full, details, …
  calls          integer NOT NULL,
  PRIMARY KEY (connection, day, entity, purpose)
);

-- What the service said of a day.
CREATE TABLE quota_days (
  connection     text NOT NULL,
  day            date NOT NULL,
  elsewhere      integer NOT NULL DEFAULT 0,         -- calls beyond the ledger: by others, or lost with a process
  day_limit      integer,
  resumes_at     timestamptz,                        -- no call before this
  PRIMARY KEY (connection, day)
);

-- Calls of the last minute, one row per process, so that a restart knows them.
CREATE TABLE connection_windows (
  connection     text NOT NULL,
  node           text NOT NULL,
  written_at     bigint NOT NULL,                    -- ms since 1970, by the node's clock
  spent          jsonb NOT NULL,                     -- [[time in ms, calls], …]
  open           integer NOT NULL,                   -- calls on their way, or that could leave before the next write
  PRIMARY KEY (connection, node)
);

-- Access tokens, sealed.
CREATE TABLE tokens (
  connection     text NOT NULL,
  name           text NOT NULL,
  sealed         bytea,                              -- null: rejected, or none yet
  expires_at     timestamptz,
  refreshes      timestamptz[] NOT NULL DEFAULT '{}', -- when tokens were asked for in the last ten minutes
  PRIMARY KEY (connection, name)
);

-- Small values that connectors keep.
CREATE TABLE plugin_state (
  connection     text NOT NULL,
  name           text NOT NULL,
  value          jsonb NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (connection, name)
);
