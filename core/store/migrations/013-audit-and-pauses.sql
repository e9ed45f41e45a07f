-- Who did what, when, from where, with what outcome. Append only: rows are never changed, and go with the partition of their month.

CREATE SEQUENCE audit_id;
CREATE TABLE audit (
  id             bigint NOT NULL DEFAULT nextval('audit_id'),
  at             timestamptz NOT NULL DEFAULT now(),
  source         text NOT NULL CHECK (source IN ('api', 'cli')),
  actor          text NOT NULL,                      -- the name of a token, a user of the system, open, nobody
  kind           text NOT NULL CHECK (kind IN ('open', 'token', 'session', 'nobody', 'user')),
  token_id       bigint,
  address        text,                               -- null on the command line
  action         text NOT NULL,                      -- `POST /v1/runs`, `tds sync`
  target         jsonb NOT NULL DEFAULT '{}',        -- what it was about, without secrets
  outcome        text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  status         integer,
  code           text,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_by_actor ON audit (actor, id DESC);
CREATE INDEX audit_by_outcome ON audit (outcome, id DESC);
CREATE INDEX audit_by_action ON audit (action, id DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit is append only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
-- Of rows, so that each partition has it too. TRUNCATE is refused by a trigger that each partition gets when it is made.
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- Connections that a person has put to rest: no run reads or writes by them until they are resumed.
CREATE TABLE connection_pauses (
  connection     text PRIMARY KEY,
  paused_at      timestamptz NOT NULL DEFAULT now(),
  paused_by      text NOT NULL,
  reason         text NOT NULL DEFAULT ''
);

-- Lists of runs by what people look for, however long the history is.
CREATE INDEX runs_by_status ON runs (status, id DESC);
CREATE INDEX runs_by_trigger ON runs (trigger, id DESC);
CREATE INDEX runs_by_time ON runs (queued_at);
CREATE INDEX runs_reading ON runs (entity, id DESC) WHERE mode IN ('full', 'incremental');
