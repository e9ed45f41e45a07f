import { readSpan } from '../../operations/dead-letters.ts';
import { attemptOutcomes } from '../../operations/attempts.ts';
import { shapes } from '../answer-shapes.ts';
import { recent } from '../recent.ts';
import { defineRoute, pageOf, paging, pagingByTime, type Route, type RouteDeps } from '../route.ts';

const number = { type: 'string', pattern: '^[0-9]{1,18}$' } as const;
const text = { type: 'string', minLength: 1, maxLength: 300 } as const;

/** Processes and their work. */
export function nodeRoutes({ operations: { nodes, jobs, attempts } }: RouteDeps): Route[] {
  const stats = recent(() => jobs.stats());
  return [
    defineRoute({ method: 'GET', path: '/v1/nodes', scope: 'read', summary: 'The living processes.', answers: { 200: shapes.list('nodes', shapes.node) }, handle: async () => ({ body: { nodes: await nodes() } }) }),
    defineRoute({
      method: 'GET', path: '/v1/jobs', scope: 'read', summary: 'Jobs on the queue, the newest first.',
      query: { type: 'object', additionalProperties: false, properties: { ...paging, task: { type: 'string', minLength: 1, maxLength: 100, description: 'Such as `run`.' }, state: { type: 'string', enum: ['waiting', 'later', 'running', 'exhausted'] } } },
      answers: { 200: shapes.page('jobs', shapes.job) },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await jobs.list({ ...filter, limit: limit + 1 }), limit);
        return { body: { jobs: page, next } };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/job-stats', scope: 'read', summary: 'What is on the queue, by task; up to ten seconds old.', answers: { 200: shapes.list('tasks', shapes.taskStats) }, handle: async () => ({ body: { tasks: await stats() } }) }),
    defineRoute({ method: 'GET', path: '/v1/jobs/:id', scope: 'read', summary: 'One job with every attempt, also when it is over.', answers: { 200: shapes.jobDetail, 404: shapes.problem }, handle: async ({ params: { id = '' } }) => ({ body: await jobs.show(id) }) }),
    defineRoute({
      method: 'POST', path: '/v1/jobs/:id/retry', scope: 'operate', summary: 'Lets a job that waits for its next attempt run now.', answers: { 200: shapes.jobDetail, 404: shapes.problem, 409: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await jobs.retry(id) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/jobs/:id/cancel', scope: 'operate', summary: 'Ends a job with the run that it does.', answers: { 200: shapes.jobDetail, 404: shapes.problem, 409: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await jobs.cancel(id) }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/job-attempts', scope: 'read', summary: 'Attempts of jobs that have ended, the newest first: when, where, how.',
      query: {
        type: 'object', additionalProperties: false,
        properties: {
          ...pagingByTime(2), job: number, run: { ...number, description: 'The number of a run.' }, task: text, outcome: { type: 'string', enum: attemptOutcomes },
          since: { ...text, description: 'Ended since then: a date and time, or how long ago, such as 24h.' }, until: { ...text, description: 'Ended before.' },
        },
      },
      answers: { 200: shapes.page('attempts', shapes.listedAttempt) },
      async handle({ query: { limit = 50, since, until, ...filter } }) {
        const { page, next } = pageOf(await attempts({ ...filter, ...readSpan({ since, until }), limit: limit + 1 }), limit);
        return { body: { attempts: page, next } };
      },
    }),
  ];
}
