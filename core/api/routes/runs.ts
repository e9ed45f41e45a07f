import { readSpan } from '../../operations/dead-letters.ts';
import type { Run } from '../../store/runs.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Answer, type Route, type RouteDeps } from '../route.ts';
import { eventStream } from '../event-stream.ts';
import { shapeRun } from '../shapes.ts';

const mode = { type: 'string', enum: ['full', 'incremental', 'details', 'replay'] } as const;

const since = { type: 'string', minLength: 1, maxLength: 100, description: 'Queued since then: a date and time, or how long ago, such as 24h.' } as const;

/** What every route takes that asks for a sync. */
export const syncMembers = {
  mode: { ...mode, default: 'incremental', description: '`replay` maps the stored raw records again, without a call to the source.' },
  allowDeletes: { type: 'boolean', default: false, description: 'Lets this run delete more rows than the guard allows.' },
} as const;

/** Executions of syncs: listed, looked at, asked for, cancelled. */
export function runRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/runs', scope: 'read', summary: 'Runs, the newest first.',
      answers: { 200: shapes.page('runs', shapes.run) },
      query: {
        type: 'object', additionalProperties: false,
        properties: {
          ...paging,
          trigger: { type: 'string', minLength: 1, maxLength: 200, description: 'Who asked: `api`, `cli`, `schedule` …' }, since, until: { ...since, description: 'Queued before then.' },
          entity: { type: 'string', minLength: 1 }, partOf: { type: 'string', pattern: '^[0-9]{1,18}$', description: 'The parts of this run: a large full read is divided where several nodes work.' }, mode: { type: 'string', enum: [...mode.enum, 'retry'] }, status: { type: 'string', enum: ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] },
        },
      },
      async handle({ query: { limit = 50, since: from, until, ...filter } }) {
        const { page, next } = pageOf(await operations.runs({ ...filter, ...readSpan({ since: from, until }), limit: limit + 1 }), limit);
        return { body: { runs: page.map((run) => shapeRun(run, new Date())), next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/runs/:id', scope: 'read', summary: 'One run.',
      answers: { 200: shapes.run, 404: shapes.problem },
      handle: async ({ params }) => ({ body: shapeRun(await operations.run(params['id'] ?? ''), new Date()) }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/runs/:id/events', scope: 'read', summary: 'One run as it goes on, by Server-Sent Events: `run` at each change, `end` with the last.', produces: 'text/event-stream',
      answers: { 200: { type: 'string', description: 'Events `run` and `end`, each with the run as `GET /v1/runs/:id` answers it.' }, 404: shapes.problem, 503: shapes.problem },
      async handle({ params: { id = '' }, signal, stillMay }) {
        await operations.run(id); // an unknown one is refused before the stream begins
        const body = eventStream({ read: async () => shapeRun(await operations.run(id), new Date()), isOver: ({ endedAt }) => endedAt !== null, name: 'run', signal, stillMay });
        return { type: 'text/event-stream; charset=utf-8', headers: { 'X-Accel-Buffering': 'no' }, body };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/runs', scope: 'operate', summary: 'Asks for syncs; one that is queued or running already is answered as it is.',
      answers: { 202: shapes.list('runs', shapes.askedRun), 404: shapes.problem, 409: shapes.problem }, startsWork: true,
      body: {
        type: 'object', additionalProperties: false, required: ['entities'],
        properties: {
          entities: { description: 'Ids of entities, or `all`.', anyOf: [{ const: 'all' }, { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', minLength: 1 } }] },
          ...syncMembers,
        },
      },
      async handle({ body: { entities, mode: asked = 'incremental', allowDeletes = false } }) {
        return accepted(await operations.sync({ entities: entities as 'all' | string[], mode: asked, allowDeletes, trigger: 'api' }));
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/runs/:id/cancel', scope: 'operate', summary: 'Ends a run that is queued, waiting or running.',
      answers: { 200: shapes.run, 404: shapes.problem, 409: shapes.problem },
      handle: async ({ params }) => ({ body: shapeRun(await operations.cancel(params['id'] ?? ''), new Date()) }),
    }),
  ];
}

/** 202 with the runs, and where to follow them. */
export function accepted(asked: readonly { run: Run; created: boolean }[]): Answer {
  const runs = asked.map(({ run, created }) => ({ ...shapeRun(run, new Date()), created }));
  const [first] = runs;
  return { status: 202, headers: { Location: runs.length === 1 && first ? `/v1/runs/${first.id}` : '/v1/runs' }, body: { runs } };
}
