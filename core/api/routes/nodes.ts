import { readSince } from '../../operations/dead-letters.ts';
import { attemptOutcomes } from '../../store/job-attempts.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, paging, type Route, type RouteDeps } from '../route.ts';

const number = { type: 'string', pattern: '^[0-9]{1,18}$' } as const;
const text = { type: 'string', minLength: 1, maxLength: 300 } as const;

/** Processes and their work. */
export function nodeRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({ method: 'GET', path: '/v1/nodes', scope: 'read', summary: 'The living processes.', answers: { 200: shapes.list('nodes', shapes.node) }, handle: async () => ({ body: { nodes: await operations.nodes() } }) }),
    defineRoute({ method: 'GET', path: '/v1/jobs', scope: 'read', summary: 'What is on the queue, by task.', answers: { 200: shapes.list('jobs', shapes.taskStats) }, handle: async () => ({ body: { jobs: await operations.jobs() } }) }),
    defineRoute({
      method: 'GET', path: '/v1/job-attempts', scope: 'read', summary: 'Attempts of jobs that have ended, the newest first: when, where, how.',
      query: {
        type: 'object', additionalProperties: false,
        properties: {
          limit: paging.limit, job: number, run: { ...number, description: 'The number of a run.' }, task: text, outcome: { type: 'string', enum: attemptOutcomes },
          since: { ...text, description: 'A date and time, or how long ago, such as 24h: the default, where neither job nor run is named.' },
        },
      },
      answers: { 200: shapes.list('attempts', shapes.jobAttempt) },
      handle: async ({ query: { limit = 50, since, ...filter } }) => ({ body: { attempts: await operations.attempts({ ...filter, limit, ...(since === undefined ? {} : { since: readSince(since, new Date()) }) }) } }),
    }),
  ];
}
