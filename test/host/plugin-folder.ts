/** Folders of plugins outside the repository, made for one test. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { discoverPlugins, type Discovery } from '../../core/host/index.ts';
import { createMemoryLog, type LogLine } from '../../core/sdk/test/index.ts';

/** The part of tap's `t` that is needed here. */
interface TestScope { teardown(action: () => Promise<void>): unknown }

/** Writes the files (by path) into a new temporary directory. */
export async function pluginFolder(t: TestScope, files: Record<string, string>): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'tds-plugins-')));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

/** Loads the plugins of these files. */
export async function discoverIn(t: TestScope, files: Record<string, string>, importTimeoutMs?: number): Promise<Discovery & { directory: string; lines: LogLine[] }> {
  const directory = await pluginFolder(t, files);
  const lines: LogLine[] = [];
  const found = await discoverPlugins({ directories: [directory], log: createMemoryLog(lines), ...(importTimeoutMs === undefined ? {} : { importTimeoutMs }) });
  return { ...found, directory, lines };
}

/** The source of a good plugin; `parts` replaces properties by their name. */
export function pluginSource(id: string, parts: Record<string, string> = {}): string {
  const all: Record<string, string> = {
    id: JSON.stringify(id), version: "'1.0.0'", sdk: 'SDK_VERSION', kind: "'connector'", description: "'a plugin of a test'",
    configSchema: "{ type: 'object', additionalProperties: false, properties: { url: { type: 'string' }, every: { type: 'string', format: 'duration', default: '5s' } }, required: ['url'] }",
    create: '() => ({ check: async () => [] })', ...parts,
  };
  const body = Object.entries(all).filter(([, text]) => text !== '').map(([name, text]) => `  ${name}: ${text},`);
  return `import { SDK_VERSION, definePlugin } from 'tds/sdk';\n\nexport default definePlugin({\n${body.join('\n')}\n});\n`;
}
