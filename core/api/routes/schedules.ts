import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

const time = { type: 'string', minLength: 2, maxLength: 40 } as const;

/** When work starts by itself, what came of it, and the reports; and the config that says so. */
export function scheduleRoutes({ operations }: RouteDeps): Route[] {
  const { schedules } = operations;
  return [
    defineRoute({ method: 'GET', path: '/v1/schedules', summary: 'Every schedule: its next time, how the last one came out, who paused it.', handle: async () => ({ body: { schedules: await schedules.list() } }) }),
    defineRoute({ method: 'GET', path: '/v1/schedules/:id', summary: 'One schedule.', handle: async ({ params }) => ({ body: await schedules.one(params['id'] ?? '') }) }),
    defineRoute({
      method: 'GET', path: '/v1/schedules/:id/next', summary: 'Its next planned times.',
      query: { type: 'object', additionalProperties: false, properties: { count: { type: 'integer', minimum: 1, maximum: 1000, default: 10, description: 'How many.' } } },
      handle: ({ params, query: { count = 10 } }) => ({ body: { times: schedules.next(params['id'] ?? '', count) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/ticks', summary: 'Planned times that came, with how late they were and how they ended, the newest first.',
      query: { type: 'object', additionalProperties: false, properties: { ...paging, schedule: { type: 'string', minLength: 1, maxLength: 100 }, status: { type: 'string', enum: ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] } } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await schedules.ticks({ ...filter, limit: limit + 1 }), limit);
        return { body: { ticks: page, next } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/pause', summary: 'Lets a schedule rest, until a time or until it is resumed.',
      body: { type: 'object', additionalProperties: false, properties: { until: { ...time, description: 'A time, or a length of time from now: `2h`.' }, reason: { type: 'string', minLength: 1, maxLength: 500 } } },
      handle: async ({ params, body: { until, reason } }) => ({ body: await schedules.pause(params['id'] ?? '', { until: until ?? null, reason: reason ?? null, by: 'the API' }) }),
    }),
    defineRoute({ method: 'POST', path: '/v1/schedules/:id/resume', summary: 'Lets a paused schedule go on from now.', handle: async ({ params }) => ({ body: await schedules.resume(params['id'] ?? '') }) }),
    defineRoute({ method: 'POST', path: '/v1/schedules/:id/run', summary: 'Does its work now.', handle: async ({ params }) => ({ status: 202, body: await schedules.run(params['id'] ?? '', 'api') }) }),
    defineRoute({
      method: 'POST', path: '/v1/schedules/:id/backfill', summary: 'Makes up planned times of a span that were not done; says only which, unless `dryRun` is false.',
      body: {
        type: 'object', additionalProperties: false, required: ['from', 'to'],
        properties: { from: { ...time, description: 'A time, or how long ago: `7d`.' }, to: time, most: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'How many at most.' }, dryRun: { type: 'boolean', default: true } },
      },
      handle: async ({ params, body: { from = '', to = '', most = 100, dryRun = true } }) => ({ body: await schedules.backfill(params['id'] ?? '', { from, to, most, dryRun }) }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/reports', summary: 'The summaries that `run: report` made, the newest first, as data, text and HTML.', query: { type: 'object', additionalProperties: false, properties: paging },
      async handle({ query: { limit = 50, before } }) {
        const { page, next } = pageOf(await schedules.reports({ limit: limit + 1, ...(before === undefined ? {} : { before }) }), limit);
        return { body: { reports: page, next } };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/reports/:id', summary: 'One of them; `latest` is the newest.', handle: async ({ params }) => ({ body: await schedules.report(params['id'] === 'latest' ? undefined : params['id']) }) }),
    defineRoute({ method: 'POST', path: '/v1/config/reload', summary: 'Reads the config\'s files again and takes over what can be changed at run time, on this node; with errors, nothing.', handle: async () => ({ body: await operations.reload() }) }),
  ];
}
