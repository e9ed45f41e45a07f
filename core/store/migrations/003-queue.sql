-- The queue: living nodes, jobs that lost their workers, finished jobs.
-- The jobs themselves stand in graphile-worker's own schema.

-- One row per pool of workers. A pool that has not beaten for the dead time is dead: its row goes, and its jobs are freed.
CREATE TABLE nodes (
  pool_id        text PRIMARY KEY,                   -- what graphile-worker writes into locked_by
  node_id        text NOT NULL,                      -- one process; a new pool of it keeps the name
  host           text NOT NULL,
  machine        text NOT NULL,                      -- host, boot and process namespace: where a pid means something
  pid            integer NOT NULL,
  version        text NOT NULL,
  concurrency    integer NOT NULL,
  since          timestamptz NOT NULL DEFAULT now(),
  beat_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  in_flight      bigint[] NOT NULL DEFAULT '{}'      -- the jobs that the pool knows it has
) WITH (fillfactor = 50);                            -- rewritten each second: leave room for that in the page

-- How often a job lost its worker. Such a job may be what kills them.
CREATE TABLE job_losses (
  job_id         bigint PRIMARY KEY,
  losses         integer NOT NULL,
  last_at        timestamptz NOT NULL DEFAULT now(),
  last_reason    text NOT NULL
);

-- Each attempt of a job, and how it ended. Partitions of a day, dropped by age; what no partition takes lands in the default one.
CREATE TABLE job_history (
  ended_at       timestamptz NOT NULL,
  started_at     timestamptz,                        -- null: never started (cancelled while it waited)
  job_id         bigint NOT NULL,
  task           text NOT NULL,
  payload        jsonb NOT NULL,
  queue          text,
  job_key        text,
  run_id         text,
  attempt        integer NOT NULL,
  outcome        text NOT NULL CHECK (outcome IN ('done', 'retried', 'postponed', 'handed_back', 'failed', 'lost', 'cancelled', 'superseded')),
  error_code     text,
  error_message  text,
  node_id        text,
  pool_id        text
) PARTITION BY RANGE (ended_at);
CREATE TABLE job_history_default PARTITION OF job_history DEFAULT;
CREATE INDEX job_history_job ON job_history (job_id);
CREATE INDEX job_history_run ON job_history (run_id) WHERE run_id IS NOT NULL;
