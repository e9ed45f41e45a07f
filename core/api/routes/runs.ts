import type { Run } from '../../store/runs.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Answer, type Route, type RouteDeps } from '../route.ts';
import { shapeRun } from '../shapes.ts';

const mode = { type: 'string', enum: ['full', 'incremental', 'details', 'replay'] } as const;

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
        properties: { ...paging, entity: { type: 'string', minLength: 1 }, mode: { type: 'string', enum: [...mode.enum, 'retry'] }, status: { type: 'string', enum: ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] } },
      },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await operations.runs({ ...filter, limit: limit + 1 }), limit);
        return { body: { runs: page.map((run) => shapeRun(run, new Date())), next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/runs/:id', scope: 'read', summary: 'One run.',
      answers: { 200: shapes.run, 404: shapes.problem },
      handle: async ({ params }) => ({ body: shapeRun(await operations.run(params['id'] ?? ''), new Date()) }),
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
