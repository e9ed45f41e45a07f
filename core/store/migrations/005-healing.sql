-- Healing: what was mended by itself, when each rule looks next, and how far the mending of each fault of dead letters is.

-- Each act: what was seen, what was done, what came of it. The row stands before the act begins, so that an act that kills its process counts too.
CREATE TABLE healing_acts (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule           text NOT NULL,
  fingerprint    text NOT NULL,                      -- the same trouble with the same thing; acts are capped by it
  seen           text NOT NULL,
  done           text NOT NULL,
  outcome        text NOT NULL CHECK (outcome IN ('started', 'healed', 'failed', 'told')),
  came           text,                               -- what came of it; of `told`: what a person can do
  facts          jsonb NOT NULL DEFAULT '{}',        -- ids to look further
  trigger        text NOT NULL DEFAULT 'tick',       -- tick, or who asked
  node           text NOT NULL,
  at             timestamptz NOT NULL,
  ended_at       timestamptz,
  reset_at       timestamptz                         -- no longer counted, no longer in the way of further acts
);
CREATE INDEX healing_acts_by_fingerprint ON healing_acts (rule, fingerprint, at) WHERE reset_at IS NULL;

-- When a rule looks next, whichever node does it. A rule that each node follows for itself has a row per node.
CREATE TABLE healing_rules (
  rule           text NOT NULL,
  node           text NOT NULL DEFAULT '',
  next_at        timestamptz NOT NULL,
  looked_at      timestamptz NOT NULL,
  looked_by      text NOT NULL,
  found          integer,                            -- null while it looks
  acts           bigint NOT NULL DEFAULT 0,          -- since ever
  told           bigint NOT NULL DEFAULT 0,
  error          text,                               -- why the last look failed
  PRIMARY KEY (rule, node)
);

-- A fault that groups open dead letters, and how its healing stands.
CREATE TABLE healing_faults (
  entity         text NOT NULL,
  fingerprint    text NOT NULL,
  cause          text NOT NULL,                      -- mapping and plugins; another one is worth a try at once
  since          timestamptz NOT NULL,               -- begin of the present row of tries
  tries          integer NOT NULL DEFAULT 0,
  stage          text NOT NULL DEFAULT 'waiting' CHECK (stage IN ('waiting', 'canary', 'passed', 'rest')),
  next_at        timestamptz NOT NULL,
  run_id         bigint,                             -- the retry under way
  act_id         bigint,                             -- the act that asked for it
  PRIMARY KEY (entity, fingerprint)
);
