-- Webhooks: each message as it arrived, with what became of it.

-- The inbox. Partitions of a day, dropped by age; what no partition takes lands in the default one.
CREATE TABLE webhook_inbox (
  id             bigint GENERATED ALWAYS AS IDENTITY,
  received_at    timestamptz NOT NULL,
  connection     text NOT NULL,
  entity         text NOT NULL,
  event          text NOT NULL CHECK (event IN ('changed', 'deleted')),
  key            text,                               -- of the record; absent where the message tells none
  modified_at    timestamptz,                        -- the record's own modified time inside the message
  hash           text NOT NULL,                      -- of address and body: the same message again has the same
  headers        jsonb NOT NULL DEFAULT '{}',        -- those that matter; never a signature
  body           text NOT NULL,
  outcome        text,                               -- null: waits. applied, deleted, unchanged, stale, dropped, refused
  duplicate      boolean NOT NULL DEFAULT false,     -- the same message was there before
  code           text,                               -- of a refusal, or of why it still waits
  how            text,                               -- payload or refetch
  applied_at     timestamptz,
  attempts       integer NOT NULL DEFAULT 0,         -- times that it was tried in vain
  not_before     timestamptz,                        -- waits until then
  again          boolean NOT NULL DEFAULT false,     -- asked for by a replay: a record that stands refused is mapped again
  PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
ALTER TABLE webhook_inbox ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE webhook_inbox_default PARTITION OF webhook_inbox DEFAULT;
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (entity, id) WHERE outcome IS NULL;
CREATE INDEX webhook_inbox_by_key ON webhook_inbox (entity, key, hash, id);

-- Signed messages that are no JSON: the last ones, for a look.
CREATE TABLE webhook_unreadable (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  received_at    timestamptz NOT NULL,
  connection     text NOT NULL,
  entity         text NOT NULL,
  event          text NOT NULL,
  size           integer NOT NULL,
  body           bytea NOT NULL                      -- its beginning
);

-- What is known of the messages of an entity.
CREATE TABLE webhook_entities (
  entity         text PRIMARY KEY,
  first_at       timestamptz,                        -- when the first message was applied; gaps are looked for from then on
  last_at        timestamptz,
  working        text,                               -- the job that is at it; one that is still named when another begins was lost
  suspect        jsonb                               -- records that may kill their process, see runs.suspect
);
