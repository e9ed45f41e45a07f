-- The list of attempts is found by an index, whatever it is narrowed to.
CREATE INDEX job_history_ended ON job_history (ended_at DESC, attempt DESC);
CREATE INDEX job_history_task ON job_history (task, ended_at DESC, attempt DESC);
CREATE INDEX job_history_outcome ON job_history (outcome, ended_at DESC, attempt DESC) WHERE outcome <> 'done';
