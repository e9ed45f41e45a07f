import type { Command } from 'commander';
import { renderFinding } from '../../config/index.ts';
import { countFindings } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { counted } from '../text.ts';

/** `tds validate`: all that files can tell, and the user's own tables that they are held against. */
export function addValidate(program: Command, bind: Bind): void {
  const command = program.command('validate').description('tell every fault of the config, with its line and its cure').action(bind(async (context) => {
    const { out } = context;
    const project = await context.loadProject();
    const tables = await context.inspectTables(project);
    const { file } = project;
    const findings = [...project.findings, ...tables];
    const config = findings.some(({ severity }) => severity === 'error') ? undefined : project.config;
    const mask = (text: string): string => context.redactor.text(text);
    for (const found of findings) out.line(mask(renderFinding(found)));
    if (findings.length > 0) out.line(countFindings(file, findings));
    const counts = config && { connections: size(config.connections), entities: size(config.entities), schedules: size(config.schedules) };
    if (counts) out.line(`${out.paint('green', 'ok')}  ${file}: ${counted(counts.connections, 'connection')}, ${counted(counts.entities, 'entity', 'entities')}, ${counted(counts.schedules, 'schedule')}`);
    out.json({ file, ok: config !== undefined, counts: counts ?? null, findings: findings.map((found) => ({ ...found, message: mask(found.message) })) });
    return config ? exitCodes.ok.code : exitCodes.usage.code;
  }));
  explain(command, {
    about: 'Reads the config and the plugins, and looks at the tables that the config says are yours (manage: false). Calls no remote ("tds check" does).',
    examples: [['tds validate', 'the config that TDS would start with'], ['tds validate --config shop.yaml', 'another one'], ['tds validate --json | jq .findings', 'for an editor or a pipeline']],
    json: '{ "file", "ok", "counts": { "connections", "entities", "schedules" } | null,\n  "findings": [{ "severity", "file", "line", "column", "path", "message", "suggestion"?, "code" }] }',
    exit: '0 no errors (warnings are only told), 2 errors',
  });
}

function size(map: object): number {
  return Object.keys(map).length;
}
