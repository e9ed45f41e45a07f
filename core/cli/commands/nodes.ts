import type { Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { table } from '../table.ts';
import { ago, cell, count } from '../text.ts';

/** `tds nodes`. */
export function addNodes(program: Command, bind: Bind): void {
  const command = program.command('nodes').description('the processes that work on this database, their roles and their jobs').action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const nodes = await context.ask(await context.readyProject(), async ({ operations, nodeId }) => (await operations.nodes()).filter((node) => node.nodeId !== nodeId && (node.concurrency > 0 || node.roles !== null)));
    const rows = nodes.map((node) => [node.nodeId, node.host, String(node.pid), node.version, node.roles?.join(', ') ?? 'all', `${count(node.inFlight.length)} of ${count(node.concurrency)}`, ago(node.since, clock.now()), `${node.secondsSinceBeat.toFixed(1)} s ago`].map(cell));
    const columns = [{ title: 'node' }, { title: 'host' }, { title: 'process', right: true }, { title: 'version' }, { title: 'roles' }, { title: 'jobs', right: true }, { title: 'since' }, { title: 'last beat' }];
    for (const line of nodes.length > 0 ? table(columns, rows, out.width) : ['no node is running: start one with "tds start"']) out.line(line);
    out.json({ nodes });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'A node that has not beaten for 5 seconds counts as dead; the others take its jobs.',
    examples: [['tds nodes', 'for people'], ['tds nodes --json | jq .nodes', 'for programs']],
    json: '{ "nodes": [{ "nodeId", "host", "pid", "version", "concurrency", "roles", "since", "beatAt", "secondsSinceBeat", "inFlight", "pools" }] }',
  });
}
