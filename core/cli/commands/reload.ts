import type { Command } from 'commander';
import type { Differences, ReloadReport } from '../../operations/reload.ts';
import { renderFinding } from '../../config/index.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';

/** `tds reload`. */
export function addReload(program: Command, bind: Bind): void {
  const reload = program.command('reload').description('have the running TDS take over the changed config');
  reload.action(bind(async (context) => {
    const { out } = context;
    const { config: { api: { host, port } } } = await context.readyProject();
    const report = await ask(`http://${host.includes(':') ? `[${host}]` : host}:${port}/v1/config/reload`);
    for (const finding of report.findings) out.line(renderFinding(finding));
    if (report.applied) for (const line of linesOf(report)) out.line(line);
    else out.line('the config has errors: nothing was changed');
    out.json(report);
    return report.applied ? exitCodes.ok.code : exitCodes.usage.code;
  }));
  explain(reload, {
    about: 'A running TDS sees by itself when its files change; this asks for it, and tells what came of it. It speaks with the node that serves the API of this config; other nodes watch their own files.',
    examples: [['tds reload', 'check, then take over']], json: '{ "applied", "findings", "schedules": { "added", "removed", "changed" }, "entities": { … }, "needsRestart" }',
    exit: '0 in force, 2 the config has errors and nothing was changed, 3 no TDS runs there',
  });
}

async function ask(url: string): Promise<ReloadReport> {
  let answer: Response;
  try {
    answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  } catch (cause) {
    throw new CliError('cli.no_node', `no TDS answers at ${url}`, { exit: exitCodes.unreachable.code, suggestion: 'Start it: npm start. A TDS that starts reads the config anyhow.', cause });
  }
  const body = await answer.json() as ReloadReport & { detail?: string; title?: string };
  if (!answer.ok) throw new CliError('cli.failed', `the running TDS refuses: ${body.detail ?? body.title ?? answer.status}`, { exit: exitCodes.failed.code });
  return body;
}

function linesOf({ schedules, entities, needsRestart }: ReloadReport): string[] {
  const tell = (what: string, { added, removed, changed }: Differences): string[] => [
    ...(added.length > 0 ? [`${what} added: ${added.join(', ')}`] : []), ...(removed.length > 0 ? [`${what} removed: ${removed.join(', ')}`] : []), ...(changed.length > 0 ? [`${what} changed: ${changed.join(', ')}`] : []),
  ];
  const lines = [...tell('schedules', schedules), ...tell('entities', entities), ...(needsRestart.length > 0 ? [`with the next start only: ${needsRestart.join(', ')}`] : [])];
  return lines.length > 0 ? lines : ['nothing has changed'];
}
