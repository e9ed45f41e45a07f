/** The demo from a cold start, as a newcomer sees it. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { home } from './processes.ts';
import { seconds } from './report.ts';

interface DemoEnd { type: 'demo'; ok: boolean; firstRowsMs: number | null; totalMs: number }

/** Runs `tds demo --exit` in an empty folder. */
export async function measureDemo({ directory, report }: Bench): Promise<void> {
  const folder = path.join(directory, 'demo');
  await mkdir(folder, { recursive: true });
  const child = spawn(process.execPath, [path.join(home, 'core/cli/tds.js'), 'demo', '--exit', '--json'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => { text += String(chunk); });
  const code = await new Promise((resolve) => { child.once('close', resolve); });
  const end = text.trim().split('\n').map((line) => JSON.parse(line) as { type: string }).find(({ type }) => type === 'demo') as DemoEnd | undefined;
  if (code !== 0 || !end?.ok) throw new Error(`the demo ended with code ${String(code)}`);
  report.add({ part: 'demo', name: 'cold demo, to the first rows', value: end.firstRowsMs === null ? 'unknown' : seconds(end.firstRowsMs / 1000), figures: { seconds: end.firstRowsMs === null ? null : end.firstRowsMs / 1000 } });
  report.add({ part: 'demo', name: 'cold demo, to the end of the full sync', value: seconds(end.totalMs / 1000), figures: { seconds: end.totalMs / 1000 } });
}
