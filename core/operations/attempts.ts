/** What became of jobs, for those who ask. */
export { attemptOutcomes, type AttemptFilter, type JobAttempt } from '../store/job-attempts.ts';
