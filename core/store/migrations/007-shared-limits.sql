-- Limits and breakers that all nodes share.

-- What each process has of an account's limits: one row per account, changed as a whole by whoever read the version that it changes.
CREATE TABLE account_shares (
  account        text PRIMARY KEY,
  version        bigint NOT NULL DEFAULT 0,
  state          jsonb NOT NULL DEFAULT '{}',        -- members with calls of the last minute, calls that may yet be made, calls at once
  seat           jsonb                               -- where Redis is configured: who keeps the counts, and since when
) WITH (fillfactor = 50);                            -- rewritten each second: leave room for that in the page

-- The calls of the last minute stood by process until now. Nobody calls before that minute is over.
INSERT INTO account_shares (account, state)
  SELECT connection, jsonb_build_object('opensAt', max(written_at) + 66000, 'pausedUntil', 0, 'members', jsonb_build_object())
  FROM connection_windows GROUP BY connection;
DROP TABLE connection_windows;

-- Breakers that are not closed.
CREATE TABLE breakers (
  connection     text PRIMARY KEY,
  resumes_at     bigint NOT NULL,                    -- ms since 1970: when one call may try
  code           text,                               -- the last failure
  opened_at      timestamptz NOT NULL DEFAULT now(),
  probe          text,                               -- who tries just now
  probe_until    bigint                              -- ms since 1970: then another one may
);
