import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';
import { recent } from '../recent.ts';
import { shapeEntity } from '../shapes.ts';
import { accepted, syncMembers } from './runs.ts';

/** What is synced, and how far each has come. */
export function entityRoutes({ operations }: RouteDeps): Route[] {
  const entities = recent(() => operations.entities());
  return [
    defineRoute({
      method: 'GET', path: '/v1/entities', scope: 'read', summary: 'Every entity with its counts and its last run; up to ten seconds old.',
      answers: { 200: shapes.list('entities', shapes.entity) },
      handle: async () => ({ body: { entities: (await entities()).map((entity) => shapeEntity(entity, new Date())) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/entities/:id', scope: 'read', summary: 'One entity; up to ten seconds old.',
      answers: { 200: shapes.entity, 404: shapes.problem },
      async handle({ params: { id = '' } }) {
        const known = (await entities()).find((entity) => entity.id === id) ?? await operations.entity(id); // which says what is wrong
        return { body: shapeEntity(known, new Date()) };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/entities/:id/preview', scope: 'operate', summary: 'Reads some records, maps them, and says what a sync would change; writes nothing.',
      body: { type: 'object', additionalProperties: false, properties: { records: { type: 'integer', minimum: 1, maximum: 100, default: 10, description: 'How many at most.' } } },
      answers: { 200: shapes.preview, 404: shapes.problem, 409: shapes.problem, 502: shapes.problem },
      handle: async ({ params: { id = '' }, body: { records = 10 }, signal }) => ({ body: await operations.preview(id, { records, signal }) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/entities/:id/sync', scope: 'operate', summary: 'Asks for a sync of one entity.',
      answers: { 202: shapes.list('runs', shapes.askedRun), 404: shapes.problem, 409: shapes.problem }, startsWork: true,
      body: { type: 'object', additionalProperties: false, properties: syncMembers },
      async handle({ params, body }) {
        const { mode = 'incremental', allowDeletes = false } = body;
        return accepted(await operations.sync({ entities: [params['id'] ?? ''], mode, allowDeletes, trigger: 'api' }));
      },
    }),
  ];
}
