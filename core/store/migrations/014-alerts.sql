-- Alerts: what is wrong, what people were told of it, and what happened that a rule listens to.

-- One alert is one rule and one thing that it holds of. Of each there is one row that is not resolved.
CREATE TABLE alerts (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule           text NOT NULL,
  fingerprint    text NOT NULL,                      -- the rule and the labels
  labels         jsonb NOT NULL DEFAULT '{}',
  severity       text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  state          text NOT NULL CHECK (state IN ('pending', 'firing', 'acknowledged', 'resolved')),
  value          double precision,                   -- the last one that broke the rule
  summary        text NOT NULL,
  help           text NOT NULL,                      -- the command that helps
  since          timestamptz NOT NULL,               -- the condition has held since
  seen_at        timestamptz NOT NULL,               -- the last look at which it held
  fired_at       timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at    timestamptz,
  notified_at    timestamptz                         -- the last message about it; null: nobody was told
);
CREATE UNIQUE INDEX alerts_open ON alerts (fingerprint) WHERE state <> 'resolved';
CREATE INDEX alerts_by_age ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- No messages about these until then. The alerts themselves stand in the list all the same.
CREATE TABLE alert_silences (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule           text,                               -- null: any
  labels         jsonb NOT NULL DEFAULT '{}',        -- those that an alert must have
  reason         text NOT NULL,
  by             text NOT NULL,
  at             timestamptz NOT NULL,
  until          timestamptz NOT NULL                -- a silence that a person ended has the moment of that
);

-- What happened, for rules that listen to an event: written by the node that saw it, read by the one that evaluates.
CREATE TABLE alert_events (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name           text NOT NULL,
  detail         jsonb NOT NULL,
  at             timestamptz NOT NULL
);
CREATE INDEX alert_events_by_age ON alert_events (at);

-- Figures that only a node itself knows, such as its memory: one row per node, rewritten at each of its ticks.
CREATE TABLE alert_samples (
  node           text PRIMARY KEY,
  at             timestamptz NOT NULL,
  samples        jsonb NOT NULL
) WITH (fillfactor = 50);

-- Messages to people. Each has a job on the queue, which delivers what was not delivered at once.
CREATE TABLE notifications (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notifier       text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('firing', 'repeat', 'resolved')),
  rule           text NOT NULL,
  message        jsonb NOT NULL,
  state          text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts       integer NOT NULL DEFAULT 0,
  claimed_until  timestamptz,                        -- somebody is at it
  error          text,                               -- of the last attempt
  created_at     timestamptz NOT NULL,
  ended_at       timestamptz
);
CREATE INDEX notifications_by_notifier ON notifications (notifier, id DESC);

-- How each notifier does.
CREATE TABLE notifier_states (
  notifier       text PRIMARY KEY,
  sent           bigint NOT NULL DEFAULT 0,
  failed         bigint NOT NULL DEFAULT 0,          -- messages that were given up
  failing        integer NOT NULL DEFAULT 0,         -- attempts that failed since the last success
  error          text,
  at             timestamptz NOT NULL
);

-- When the rules are evaluated next, whichever node does it.
CREATE TABLE alert_turns (
  single         boolean PRIMARY KEY DEFAULT true CHECK (single),
  next_at        timestamptz NOT NULL,
  looked_at      timestamptz NOT NULL,
  looked_by      text NOT NULL
);
