import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

const time = { type: 'string', minLength: 2, maxLength: 40 } as const;

/** When work starts by itself, what came of it, and the reports. */
export function scheduleRoutes(deps: RouteDeps): Route[] {
  return [...looks(deps), ...acts(deps), ...reports(deps)];
}

function looks({ operations: { schedules } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/schedules', scope: 'read', summary: 'Every schedule: its next time, how the last one came out, who paused it.',
      answers: { 200: shapes.list('schedules', shapes.schedule) },
      handle: async () => ({ body: { schedules: await schedules.list() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/schedules/:id', scope: 'read', summary: 'One schedule.',
      answers: { 200: shapes.schedule, 404: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await schedules.one(id) }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/schedules/:id/next', scope: 'read', summary: 'Its next planned times.',
      answers: { 200: shapes.list('times', shapes.plannedTime), 404: shapes.problem },
      query: { type: 'object', additionalProperties: false, properties: { count: { type: 'integer', minimum: 1, maximum: 1000, default: 10, description: 'How many.' } } },
      handle: ({ params: { id = '' }, query: { count = 10 } }) => ({ body: { times: schedules.next(id, count) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/ticks', scope: 'read', summary: 'Planned times that came, with how late they were and how they ended, the newest first.',
      answers: { 200: shapes.page('ticks', shapes.tick) },
      query: { type: 'object', additionalProperties: false, properties: { ...paging, schedule: { type: 'string', minLength: 1, maxLength: 100 }, status: { type: 'string', enum: ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] } } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await schedules.ticks({ ...filter, limit: limit + 1 }), limit);
        return { body: { ticks: page, next } };
      },
    }),
  ];
}

function acts({ operations: { schedules } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/pause', scope: 'operate', summary: 'Lets a schedule rest, until a time or until it is resumed.',
      answers: { 200: shapes.schedule, 404: shapes.problem, 409: shapes.problem },
      body: { type: 'object', additionalProperties: false, properties: { until: { ...time, description: 'A time, or a length of time from now: `2h`.' }, reason: { type: 'string', minLength: 1, maxLength: 500, description: 'For people.' } } },
      handle: async ({ params: { id = '' }, body: { until, reason }, caller }) => ({ body: await schedules.pause(id, { until: until ?? null, reason: reason ?? null, by: caller.name }) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/resume', scope: 'operate', summary: 'Lets a paused schedule go on from now.',
      answers: { 200: shapes.schedule, 404: shapes.problem, 409: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await schedules.resume(id) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/run', scope: 'operate', summary: 'Does its work now.',
      answers: { 202: shapes.tick, 404: shapes.problem, 409: shapes.problem }, startsWork: true,
      handle: async ({ params: { id = '' } }) => ({ status: 202, body: await schedules.run(id, 'api') }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/backfill', scope: 'operate', summary: 'Makes up planned times of a span that were not done; says only which, unless `dryRun` is false.',
      answers: { 200: shapes.backfill, 404: shapes.problem, 409: shapes.problem }, startsWork: true,
      body: {
        type: 'object', additionalProperties: false, required: ['from', 'to'],
        properties: { from: { ...time, description: 'A time, or how long ago: `7d`.' }, to: time, most: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'How many at most.' }, dryRun: { type: 'boolean', default: true } },
      },
      handle: async ({ params: { id = '' }, body: { from = '', to = '', most = 100, dryRun = true } }) => ({ body: await schedules.backfill(id, { from, to, most, dryRun }) }),
    }),
  ];
}

function reports({ operations: { schedules } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/reports', scope: 'read', summary: 'The summaries that `run: report` made, the newest first, as data, text and HTML.',
      answers: { 200: shapes.page('reports', shapes.report) },
      query: { type: 'object', additionalProperties: false, properties: { ...paging, schedule: { type: 'string', minLength: 1, maxLength: 100 } } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await schedules.reports({ ...filter, limit: limit + 1 }), limit);
        return { body: { reports: page, next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/reports/:id', scope: 'read', summary: 'One of them; `latest` is the newest.',
      answers: { 200: shapes.report, 404: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await schedules.report(id === 'latest' ? undefined : id) }),
    }),
  ];
}
