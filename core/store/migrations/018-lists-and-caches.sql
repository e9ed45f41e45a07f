-- Lists of years: each filter of the API finds its first page by an index, also where few rows or none fit.

CREATE INDEX runs_by_mode ON runs (mode, id DESC);
CREATE INDEX runs_by_entity_mode ON runs (entity, mode, id DESC);
CREATE INDEX runs_by_entity_status ON runs (entity, status, id DESC);

CREATE INDEX dead_letters_by_code ON dead_letters (code, id DESC);
CREATE INDEX dead_letters_by_field ON dead_letters (field, id DESC) WHERE field IS NOT NULL;
CREATE INDEX dead_letters_all_open ON dead_letters (id DESC) WHERE status = 'open';
CREATE INDEX dead_letters_discarded ON dead_letters (id DESC) WHERE status = 'discarded';
CREATE INDEX dead_letters_of_jobs ON dead_letters (id DESC) WHERE kind = 'job';
CREATE INDEX dead_letters_by_age ON dead_letters (last_at);

CREATE INDEX healing_acts_by_outcome ON healing_acts (outcome, id DESC);
CREATE INDEX healing_acts_by_rule ON healing_acts (rule, id DESC);

CREATE INDEX ticks_by_status ON ticks (status, id DESC);
CREATE INDEX ticks_by_schedule ON ticks (schedule, status, id DESC);

-- What most messages are needs no index: the newest of them are found at once.
CREATE INDEX webhook_inbox_by_outcome ON webhook_inbox (outcome, id DESC) WHERE outcome IS NOT NULL AND outcome <> 'applied';
CREATE INDEX webhook_inbox_deleted ON webhook_inbox (id DESC) WHERE event = 'deleted';

CREATE INDEX audit_by_source ON audit (source, id DESC);
CREATE INDEX audit_by_time ON audit (at);

CREATE INDEX alerts_by_state ON alerts (state, id DESC);

-- Records that were asked for by their keys and are kept for a while: what each process says of its cache, and when each cache was emptied by hand.
CREATE TABLE cache_figures (
  node           text NOT NULL,
  connection     text NOT NULL,
  hits           bigint NOT NULL,
  misses         bigint NOT NULL,
  entries        bigint,                             -- null where a Redis holds them
  bytes          bigint,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (node, connection)
) WITH (fillfactor = 50);

CREATE TABLE cache_clears (
  connection     text PRIMARY KEY,
  at             timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The audit stays as it is for a session that switches ordinary triggers off, too.
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_no_truncate;
DO $$
DECLARE
  month regclass;
BEGIN
  FOR month IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit'::regclass LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_append_only, ENABLE ALWAYS TRIGGER audit_no_truncate', month);
  END LOOP;
END
$$;
