import type { Command } from 'commander';
import type { Differences, NodeReload, ReloadReport } from '../../operations/reload.ts';
import { renderFinding } from '../../config/index.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { cell } from '../text.ts';

/** `tds reload`. */
export function addReload(program: Command, bind: Bind): void {
  const reload = program.command('reload').description('have every running TDS take over the changed config');
  reload.action(bind(async (context) => {
    const { out } = context;
    const nodes = await context.act(await context.readyProject(), { action: 'tds reload' }, ({ operations }) => operations.reloadNodes());
    for (const node of nodes) {
      if (nodes.length > 1) out.line(`${cell(node.node)} on ${cell(node.host)}`);
      for (const line of linesOf(node)) out.line(line);
    }
    out.json({ nodes });
    return exitOf(nodes);
  }));
  explain(reload, {
    about: 'A running TDS sees by itself when its files change; this asks every node of the database for it, and tells what came of it on each. A node reads its own files.',
    examples: [['tds reload', 'check, then take over']], json: '{ "nodes": [{ "node", "host", "report": { "applied", "findings", "schedules": { "added", "removed", "changed" }, "entities": { … }, "needsRestart" }, "error" }] }',
    exit: '0 in force on every node, 1 no TDS runs or one did not answer, 2 the config has errors and nothing was changed, 3 database out of reach',
  });
}

function exitOf(nodes: readonly NodeReload[]): ExitCode {
  if (nodes.some(({ report }) => report?.applied === false)) return exitCodes.usage.code;
  return nodes.some(({ report }) => report === null) ? exitCodes.failed.code : exitCodes.ok.code;
}

function linesOf({ report, error }: NodeReload): string[] {
  if (!report) return [`not reloaded: ${cell(error)}`];
  return [...report.findings.map((finding) => renderFinding(finding)), ...(report.applied ? changesIn(report) : ['the config has errors: nothing was changed'])];
}

function changesIn({ schedules, entities, needsRestart }: ReloadReport): string[] {
  const tell = (what: string, { added, removed, changed }: Differences): string[] => [
    ...(added.length > 0 ? [`${what} added: ${added.join(', ')}`] : []), ...(removed.length > 0 ? [`${what} removed: ${removed.join(', ')}`] : []), ...(changed.length > 0 ? [`${what} changed: ${changed.join(', ')}`] : []),
  ];
  const lines = [...tell('schedules', schedules), ...tell('entities', entities), ...(needsRestart.length > 0 ? [`with the next start only: ${needsRestart.join(', ')}`] : [])];
  return lines.length > 0 ? lines : ['nothing has changed'];
}
