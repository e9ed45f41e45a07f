/** A whole TDS against a Zoho that runs locally: what the end-to-end tests stand on. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadProject, openRuntime, projectRoot, type Project, type Runtime } from '../../core/main.ts';
import { renderFinding } from '../../core/config/index.ts';
import type { TimerClock } from '../../core/monitor/clock.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import type { QueueTimings } from '../../core/queue/index.ts';
import type { Run, RunMode } from '../../core/store/runs.ts';
import type { SandboxOptions } from '../../sandbox/zoho/options.ts';
import { startZohoSandbox, type ZohoSandbox } from '../../sandbox/zoho/server.ts';
import { testDatabase, type TestDatabase, type TestScope } from './database.ts';
import { until } from './processes.ts';

export interface ShopOptions {
  sandbox?: SandboxOptions;
  /** YAML of the config; absent: the sample config as it ships. */
  config?: string;
  /** Files beside the config, by their paths. */
  files?: Record<string, string>;
  /** Credentials in place of the sandbox's own. */
  credentials?: Partial<ZohoSandbox['credentials']>;
  /** Further variables; they win. */
  env?: Record<string, string>;
  role?: 'node' | 'client';
  clock?: TimerClock;
  /** Default `info`. */
  level?: 'debug' | 'info';
  nodeId?: string;
  /** Shorter times of the queue. */
  queueTimings?: Partial<QueueTimings>;
  /** The sandbox of another shop, in place of one of its own. */
  of?: Pick<Shop, 'sandbox'>;
  /** A database that is there already. */
  database?: TestDatabase;
}

/** A shop with its copy. */
export interface Shop {
  readonly sandbox: ZohoSandbox;
  readonly database: TestDatabase;
  readonly project: Project;
  readonly runtime: Runtime;
  /** What any process of this shop is started with. */
  readonly env: Record<string, string>;
  readonly file: string;
  /** Lines of the log, as written. */
  readonly lines: string[];
  /** Asks for syncs, waits until they and all that they set going have ended, and answers them. */
  sync(entities: readonly string[] | 'all', mode?: RunMode, options?: { allowDeletes?: boolean }): Promise<Run[]>;
  /** Waits until no run is under way. */
  settled(): Promise<void>;
  /** Rows, every value as PostgreSQL writes it. */
  rows(text: string, values?: readonly unknown[]): Promise<Record<string, string | null>[]>;
  /** Another process on the same database, in this one. */
  another(options?: Pick<ShopOptions, 'role' | 'nodeId'>): Promise<Runtime>;
}

/** The config that ships, with its pauses shortened: what fails is tried again at once. `timeout`: other times after which a call is given up, as YAML. */
export async function quickSample({ timeout = '{ connect: 10s, headers: 30s, body: 60s, total: 120s }' } = {}): Promise<string> {
  const text = await readFile(join(projectRoot, 'tds.config.yaml'), 'utf8');
  const quick = `retry: { attempts: 5, first: 20ms, max: 100ms }\n    breaker: { failures: 20, coolDown: 200ms }\n    timeout: ${timeout}`;
  return text.replace(/retry: \{[^}]*\}\n\s+breaker: \{[^}]*\}\n\s+timeout: \{[^}]*\}/, quick).replace('limits: *zoho-limits ', `limits: *zoho-limits\n    ${quick}`).replace('limits: *zoho-limits\n', `limits: *zoho-limits\n    ${quick}\n`);
}

/** Two Zoho connections and a PostgreSQL, as YAML; entities are to be added. */
export const shopConnections = `
timezone: Asia/Baghdad
database: { url: "\${TDS_DATABASE_URL}" }
connections:
  books:
    plugin: zoho-books
    with: &account
      organizationId: \${ZOHO_ORGANIZATION_ID}
      clientId: \${ZOHO_CLIENT_ID}
      clientSecret: \${ZOHO_CLIENT_SECRET}
      refreshToken: \${ZOHO_REFRESH_TOKEN}
      accountsUrl: \${ZOHO_ACCOUNTS_URL}
      apiUrl: \${ZOHO_API_URL}
    limits: &limits { perMinute: \${ZOHO_CALLS_PER_MINUTE}, perDay: \${ZOHO_CALLS_PER_DAY}, concurrent: \${ZOHO_CALLS_AT_ONCE} }
    retry: &retry { attempts: 5, first: 20ms, max: 100ms }
  inventory: { plugin: zoho-inventory, with: *account, limits: *limits, retry: *retry }
  erp: { plugin: postgres, with: { schema: erp } }
`;

/** Starts the sandbox, makes a database, loads the config and opens TDS on all three. Everything ends with the test. */
export async function openShop(scope: TestScope, options: ShopOptions = {}): Promise<Shop> {
  const [sandbox, database, folder] = await Promise.all([
    options.of?.sandbox ?? startZohoSandbox({ scale: 'small', limits: false, ...options.sandbox }), options.database ?? testDatabase(scope), mkdtemp(join(tmpdir(), 'tds-shop-')),
  ]);
  const file = options.config === undefined ? 'tds.config.yaml' : join(folder, 'tds.config.yaml');
  for (const [path, content] of Object.entries({ ...options.files, ...(options.config === undefined ? {} : { 'tds.config.yaml': options.config }) })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  Object.assign(sandbox.credentials, options.credentials);
  const env: Record<string, string> = { ...envOf(sandbox), TDS_SCHEDULES: 'off', TDS_DATABASE_URL: database.url, TDS_DATA: folder, TDS_SECRET_KEY: 'a key of the tests, long enough to be one', ...options.env };
  const lines: string[] = [];
  const open = async ({ role = 'node' as const, nodeId }: Pick<ShopOptions, 'role' | 'nodeId'>): Promise<{ project: Project; runtime: Runtime }> => {
    const redactor = new Redactor();
    const log = createLogger({ level: options.level ?? 'info', pretty: false, redactor, destination: { write: (line) => lines.push(line) } });
    const project = await loadProject({ env, cwd: projectRoot, log, file });
    if (!project.config) throw new Error(`the config has faults:\n${project.findings.map(renderFinding).join('\n')}`);
    const runtime = await openRuntime(project, { role, log, redactor, env, ...(nodeId === undefined ? {} : { nodeId }), ...(options.clock ? { clock: options.clock } : {}), ...(options.queueTimings ? { queueTimings: options.queueTimings } : {}) });
    scope.teardown(() => runtime.stop({ drainMs: 500 }));
    return { project, runtime };
  };
  scope.teardown(async () => {
    if (!options.of) await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { project, runtime } = await open(options);
  return shopOf({ sandbox, database, project, runtime, env, file, lines }, open);
}

function shopOf(parts: Pick<Shop, 'sandbox' | 'database' | 'project' | 'runtime' | 'env' | 'file' | 'lines'>, open: (options: Pick<ShopOptions, 'role' | 'nodeId'>) => Promise<{ runtime: Runtime }>): Shop {
  const { database, runtime, lines } = parts;
  const settled = async (): Promise<void> => {
    const under = `SELECT entity || ' ' || mode || ' ' || status || ': ' || coalesce(reason, waits_on, '') AS run FROM tds.runs WHERE status IN ('queued', 'running', 'waiting')`;
    const left = async (): Promise<unknown[]> => (await database.pool.query<{ run: string }>(under)).rows.map(({ run }) => run);
    await until('no run is under way', async () => (await left()).length === 0).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify(await left(), null, 1)}\n${lines.slice(-20).join('')}`, { cause: error });
    });
  };
  return {
    ...parts, settled,
    async sync(entities, mode = 'full', options = {}) {
      const asked = await runtime.operations.sync({ entities, mode, trigger: 'person', ...options });
      await settled();
      return Promise.all(asked.map(({ run }) => runtime.operations.run(run.id)));
    },
    async rows(text, values = []) {
      const asText = { getTypeParser: () => (value: unknown) => value };
      return (await database.pool.query({ text, values: [...values], types: asText as never })).rows as Record<string, string | null>[];
    },
    another: async (options = {}) => (await open(options)).runtime,
  };
}

/** The variables that lead the sample config to a sandbox. */
export function envOf(sandbox: ZohoSandbox): Record<string, string> {
  const { clientId, clientSecret, refreshToken, organizationId } = sandbox.credentials;
  return {
    ZOHO_CLIENT_ID: clientId, ZOHO_CLIENT_SECRET: clientSecret, ZOHO_REFRESH_TOKEN: refreshToken, ZOHO_ORGANIZATION_ID: organizationId,
    ZOHO_ACCOUNTS_URL: sandbox.accountsUrl, ZOHO_API_URL: sandbox.apiUrl, ZOHO_CALLS_PER_MINUTE: '1000000', ZOHO_CALLS_PER_DAY: '100000000', ZOHO_CALLS_AT_ONCE: '10',
  };
}
