import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** The config that this node works by. */
export function configRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/config', scope: 'read', summary: 'The config as it runs, every default filled in, secrets masked; with its hash.',
      answers: { 200: shapes.config },
      handle: () => ({ body: operations.config() }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/config/diff', scope: 'read', summary: 'What differs between the config as it runs on this node and its files; secrets masked.',
      answers: { 200: shapes.configDiff },
      handle: async () => ({ body: await operations.diffConfig() }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/config/validate', scope: 'operate', summary: 'Checks the config file as it is now; what runs is left as it is.',
      answers: { 200: shapes.findings },
      async handle() {
        const findings = await operations.validateConfig();
        return { body: { ok: findings.every(({ severity }) => severity !== 'error'), findings } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/config/reload', scope: 'admin', summary: 'Reads the config\'s files again and takes over what can be changed at run time, on this node and then on the others; with errors, nothing.',
      answers: { 200: shapes.reloaded, 409: shapes.problem },
      handle: async () => ({ body: await operations.reload() }),
    }),
  ];
}
