import type { Command } from 'commander';
import { shapeEntity } from '../../api/index.ts';
import type { ConnectionStatus, EntityStatus } from '../../operations/operations.ts';
import type { NodeInfo, TaskStats } from '../../queue/types.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import type { QuotaReport } from '../../connection/index.ts';
import { pausedText } from './quota.ts';
import { statusText } from '../run-table.ts';
import { table } from '../table.ts';
import { ago, cell, count, counted } from '../text.ts';

/** `tds status`. */
export function addStatus(program: Command, bind: Bind): void {
  const command = program.command('status').description('show how far each entity is, and who works').action(bind(async (context) => {
    const project = await context.readyProject();
    const { out, backend: { clock } } = context;
    await context.ask(project, async ({ operations, nodeId, databaseLabel }) => {
      const [entities, connections, nodes, jobs] = [await operations.entities(), await operations.connections(), await operations.nodes(), await operations.jobs.stats()];
      const workers = nodes.filter((node) => node.nodeId !== nodeId && (node.concurrency > 0 || node.roles !== null));
      printEntities(context, entities);
      out.line();
      printConnections(context, connections);
      out.line();
      printNodes(context, workers, jobs);
      out.line(`database: ${databaseLabel}`);
      out.json({ database: databaseLabel, entities: entities.map((entity) => shapeEntity(entity, clock.now())), connections, nodes: workers, jobs });
    });
    return exitCodes.ok.code;
  }));
  explain(command, {
    examples: [['tds status', 'for people'], ['tds --demo status', 'of the demo that runs in another terminal'], ['tds status --json | jq .entities', 'for programs']],
    json: '{ "database", "entities": [{ "id", "records", "deleted", "deadLetters", "details", "lastFullAt", "lastReadAt", "lastRun", … }],\n  "connections": [], "nodes": [], "jobs": [] }',
  });
}

function printEntities({ out, backend: { clock } }: Context, entities: readonly EntityStatus[]): void {
  const columns = [{ title: 'entity' }, { title: 'from' }, { title: 'to' }, { title: 'records', right: true }, { title: 'gone', right: true }, { title: 'dead letters', right: true }, { title: 'details', right: true }, { title: 'last read' }, { title: 'last run' }];
  const rows = entities.map((entity) => [
    entity.enabled ? entity.id : `${entity.id} (off)`, `${entity.from.connection}/${entity.from.stream}`, `${entity.to.connection}/${entity.to.table}`,
    count(entity.records), count(entity.deleted), entity.deadLetters > 0 ? out.paint('yellow', count(entity.deadLetters)) : '0',
    entity.details ? `${count(entity.details.done)} of ${count(entity.details.done + entity.details.due)}` : '–',
    ago(entity.lastReadAt, clock.now()), entity.lastRun ? `${entity.lastRun.mode} ${statusText(out, entity.lastRun)}` : 'never',
  ]);
  for (const line of table(columns, rows, out.width)) out.line(line);
}

/** A connection tells facts of its own; those that are single values fit on a line. */
function printConnections({ out, backend: { clock } }: Context, connections: readonly ConnectionStatus[]): void {
  const rows = connections.map(({ id, plugin, kind, remote }) => [
    id, plugin, kind, quotaText(remote['quota'] as QuotaReport | undefined), Object.entries(remote).filter(([, value]) => value !== null && typeof value !== 'object').map(([name, value]) => `${name} ${cell(value)}`).join(', '),
  ]);
  for (const line of table([{ title: 'connection' }, { title: 'plugin' }, { title: 'kind' }, { title: 'calls today', right: true }, { title: 'seen from here' }], rows, out.width)) out.line(line);
  for (const connection of connections) for (const notice of noticesOf(connection, clock.now())) out.line(out.paint('yellow', notice));
}

/** `1,234 of 10,000`; nothing where it is not known. */
function quotaText(quota: QuotaReport | undefined): string {
  if (quota === undefined) return '';
  return quota.limit === null || quota.limit === undefined ? count(quota.used) : `${count(quota.used)} of ${count(quota.limit)}`;
}

/** What a connection waits for, or needs a person for. */
function noticesOf({ id, remote }: ConnectionStatus, now: Date): string[] {
  const quota = remote['quota'] as QuotaReport | undefined;
  const paused = quota?.turnsAt === undefined ? undefined : pausedText(quota, now);
  const refused = remote['signIn'] as { message: string; cure?: string } | null | undefined;
  const notices = refused ? [`${id}: the sign-in is refused: ${cell(refused.message)} ${cell(refused.cure ?? '')}`.trimEnd()] : [];
  return paused === undefined ? notices : [...notices, paused];
}

/** What a node does, where that is not everything. */
export function rolesText({ roles }: NodeInfo): string {
  return roles === null || roles.length >= 3 ? '' : `, ${roles.join(' and ')}`;
}

function printNodes({ out }: Context, workers: readonly NodeInfo[], jobs: readonly TaskStats[]): void {
  if (workers.length === 0) out.line('no node is running: start one with "tds start"');
  for (const node of workers) out.line(`node ${node.nodeId} on ${node.host}, process ${node.pid}, version ${node.version}${rolesText(node)}: ${counted(node.inFlight.length, 'job')} at work`);
  const total = (name: 'waiting' | 'later' | 'running'): number => jobs.reduce((sum, job) => sum + job[name], 0);
  out.line(`jobs: ${count(total('running'))} running, ${count(total('waiting'))} waiting, ${count(total('later'))} for later`);
}
