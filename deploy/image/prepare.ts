/**
 * The last step of the image's build, run by root in `/app`: what would be done at the first start, where nothing can be written any more.
 * Fails, and with it the build, where a package is missing that TDS imports.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findBinaries, packageRoot } from '../../core/store/embedded-binaries.ts';

/** Plain JavaScript, as the launcher is. */
const { nodeFlags } = await import(new URL('../../core/cli/supervise.js', import.meta.url).href) as { nodeFlags: string[] };
/** As in the Containerfile; Node keeps what it compiled apart by user. */
const user = 10_001;
const root = join(import.meta.dirname, '../..');
const cache = join(root, 'node_modules/.cache/tds');

// The links between the libraries of the embedded PostgreSQL; undefined: it is run from where it is.
await findBinaries('/nonexistent', undefined);
// Only for who builds against them.
const native = join(packageRoot(), 'native');
for (const name of readdirSync(native, { recursive: true, encoding: 'utf8' })) if (/\.a$|^lib\/postgresql\/pgxs$/.test(name)) rmSync(join(native, name), { recursive: true });

mkdirSync(cache, { recursive: true });
chownSync(cache, user, user);
const plugins = readdirSync(join(root, 'plugins')).filter((name) => !name.startsWith('_')).map((name) => `plugins/${name}/plugin.ts`);
const parts = ['core/main.ts', 'core/api/index.ts', 'core/cli/program.ts', 'core/monitor/pretty.ts', ...plugins].map((file) => `import ${JSON.stringify(join(root, file))};`);
const loaded = spawnSync(process.execPath, [...nodeFlags, '--input-type=module', '--eval', parts.join('\n')], { uid: user, gid: user, stdio: 'inherit', env: { PATH: process.env['PATH'], HOME: '/', NODE_COMPILE_CACHE: cache } });
if (loaded.status !== 0) throw new Error('TDS can not be loaded as it is in this image');
own(join(root, 'node_modules/.cache'));

/** Who runs in the image can read what was compiled, and change nothing of it. */
function own(folder: string): void {
  for (const name of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    const path = join(folder, name);
    chownSync(path, 0, 0);
    chmodSync(path, 0o755);
  }
}
