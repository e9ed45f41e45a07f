import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

/** What TDS mended by itself, and the rules that do it. */
export function healingRoutes({ operations: { healing } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/healing', scope: 'read', summary: 'What was mended, or told to a person, the newest first.',
      answers: { 200: shapes.page('acts', shapes.healingAct) },
      query: {
        type: 'object', additionalProperties: false,
        properties: { ...paging, rule: { type: 'string', minLength: 1, maxLength: 100 }, outcome: { type: 'string', enum: ['started', 'healed', 'failed', 'told'] } },
      },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await healing.acts({ ...filter, limit: limit + 1 }), limit);
        return { body: { acts: page, next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/healing/rules', scope: 'read', summary: 'The rules that are switched on, and when each looked.',
      answers: { 200: shapes.healingRules },
      handle: async () => ({ body: { enabled: healing.enabled, rules: await healing.rules() } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/healing/run', scope: 'operate', summary: 'Lets the rules look and mend now, one or all; with `dryRun` says what they would do.',
      answers: { 200: shapes.healed, 404: shapes.problem }, startsWork: true,
      body: {
        type: 'object', additionalProperties: false,
        properties: { rule: { type: 'string', minLength: 1, maxLength: 100 }, dryRun: { type: 'boolean', default: false, description: 'Looks, and changes nothing.' } },
      },
      handle: async ({ body: { rule, dryRun = false } }) => ({ body: { dryRun, rules: await healing.run({ rule, dryRun, trigger: 'api' }) } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/healing/reset', scope: 'operate', summary: 'Lets healing act again on what a person was told of.',
      answers: { 200: shapes.reset, 404: shapes.problem },
      body: { type: 'object', additionalProperties: false, required: ['act'], properties: { act: { type: 'string', pattern: '^([0-9]{1,18}|all)$', description: 'The number of an act, or `all`.' } } },
      handle: async ({ body: { act = '' } }) => ({ body: { reset: await healing.reset(act) } }),
    }),
  ];
}
