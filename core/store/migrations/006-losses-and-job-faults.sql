-- Losses since the job last got on, and all of them; faults of jobs among those that healing tries again.

-- `losses` begins anew when the job has saved something; `total` does not, so that a run can tell whether it lost a worker since it last looked.
ALTER TABLE job_losses ADD COLUMN total integer NOT NULL DEFAULT 0;
UPDATE job_losses SET total = losses;

ALTER TABLE healing_faults
  ADD COLUMN kind text NOT NULL DEFAULT 'record' CHECK (kind IN ('record', 'job')),
  ADD COLUMN jobs jsonb;                             -- of jobs: the letters that are tried just now, each with its job, and its run where it has one
