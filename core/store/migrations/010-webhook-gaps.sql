-- Webhooks: counts by the hour, and changes that no message told of.

CREATE TABLE webhook_counts (
  hour           timestamptz NOT NULL,
  entity         text NOT NULL,
  name           text NOT NULL,                      -- an outcome, duplicate, lost, late, or why a message was not taken
  count          bigint NOT NULL,
  PRIMARY KEY (hour, entity, name)
);

-- Changes that an incremental read found before a message told of them. Those that a message tells of within the grace are late, the others lost.
CREATE TABLE webhook_gaps (
  entity         text NOT NULL,
  key            text NOT NULL,
  modified_at    timestamptz NOT NULL,
  run_id         bigint,
  found_at       timestamptz NOT NULL DEFAULT now(),
  verdict        text CHECK (verdict IN ('lost', 'late')),
  PRIMARY KEY (entity, key, modified_at)
);
CREATE INDEX webhook_gaps_open ON webhook_gaps (found_at) WHERE verdict IS NULL;
