/** What became of jobs, for those who ask. */
export { attemptOutcomes, type AttemptFilter, type JobAttempt, type ListedAttempt } from '../store/job-attempts.ts';
